// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"

#include <string>

namespace postern::tls {

/// The category of OpenSSL's errors; a code's value is OpenSSL's packed error, its message
/// OpenSSL's words for the reason ("wrong version number"). Any thread.
const boost::system::error_category& category();

/// The earliest error of this thread's OpenSSL queue, which is the cause; the queue is empty
/// afterwards. With an empty queue: a code that says that OpenSSL gave no reason.
net::error_code take_error();

/// take_error() in words, for configuration errors.
std::string take_error_text();

}  // namespace postern::tls
