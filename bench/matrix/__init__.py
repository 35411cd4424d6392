# SPDX-License-Identifier: Apache-2.0
"""bench/run: relays of several makes side by side, over a matrix of loads."""
