// SPDX-License-Identifier: Apache-2.0
'use strict'
// Who connects from loopback may relay, and everything goes to the one next hop of config/next_hop.ini.

exports.register = function () {
    this.hop = this.config.get('next_hop.ini').main
    this.register_hook('connect', 'may_relay')
    this.register_hook('rcpt', 'take')
    this.register_hook('get_mx', 'next_hop')
}

exports.may_relay = (next, connection) => {
    if (connection.remote.is_local || connection.remote.ip.startsWith('127.')) connection.relaying = true
    next()
}

exports.take = (next, connection) => next(connection.relaying ? OK : DENY)

exports.next_hop = function (next) {
    next(OK, { priority: 0, exchange: '127.0.0.1', port: parseInt(this.hop.port, 10) })
}
