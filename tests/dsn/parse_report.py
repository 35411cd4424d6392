#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads composed reports with Python's email package, which knows nothing of how they are made.

Usage: parse_report.py COMPOSE_REPORT
"""
import email
import email.policy
import subprocess
import sys

# Sample: (Action, Status, text that part 1 holds, type of part 2, type of part 3, what sending needs).
STATUS, FULL, HDRS = 'message/delivery-status', 'message/rfc822', 'text/rfc822-headers'
SAMPLES = {
    'bounce': ([('failed', '5.1.1')], '550 5.1.1 no such user', STATUS, FULL, ''),
    'relay': ([('failed', '5.7.1')], 'anonymous rights only', STATUS, FULL, ''),
    'headers': ([('failed', '5.1.1')], 'its header is', STATUS, HDRS, ''),
    'delay': ([('delayed', '4.4.1')], 'This is a warning', STATUS, FULL, ''),
    'mixed': ([('failed', '5.1.1'), ('relayed', '2.0.0'), ('delivered', '2.0.0')],
              'sends no delivery notices', STATUS, FULL, ''),
    'hostile': ([('failed', '5.0.0')], 'no / / Action: relayed', STATUS, FULL, ''),
    'utf8': ([('failed', '5.1.1')], '<почта@company.ru>', 'message/global-delivery-status',
             'message/global', '8BITMIME SMTPUTF8'),
}


def require(truth, *what):
    if not truth:
        raise AssertionError(what)


def groups_of(part):
    """Python takes message/delivery-status apart; of the "global" type it reads the first group only."""
    groups = part.get_payload()
    if part.get_content_type() == STATUS:
        return groups
    rest = groups[0].get_payload(decode=True).decode('utf-8').replace('\r\n', '\n').split('\n\n')
    return groups + [email.message_from_string(group) for group in rest]


def check(name, octets, needs):
    outcomes, words, status_type, returned_type, wanted = SAMPLES[name]
    require(needs.strip() == wanted, needs)
    report = email.message_from_bytes(octets, policy=email.policy.SMTPUTF8.clone(utf8=True))
    compat = email.message_from_bytes(octets)
    require(report.get_content_type() == 'multipart/report', report['Content-Type'])
    require(report.get_param('report-type') == 'delivery-status')
    require(report['Auto-Submitted'] == 'auto-replied' and 'Received' not in report)
    require(report['From'].addresses[0].addr_spec == 'postmaster@gw.company.ru', report['From'])
    require(report['From'].addresses[0].display_name == 'Mail Delivery System', report['From'])
    require(report['To'].addresses[0].addr_spec == 'anna@partner.ru', report['To'])
    require(report['Date'].datetime.isoformat() == '2026-11-24T08:01:30+00:00', report['Date'])
    for message in (report, compat):
        for part in message.walk():
            require(not part.defects, name, part.get_content_type(), part.defects)
    parts = compat.get_payload()
    types = [part.get_content_type() for part in parts]
    require(types == ['text/plain', status_type, returned_type], types)
    text = ' '.join(parts[0].get_payload(decode=True).decode(parts[0].get_content_charset()).split())
    require(words in text, text)
    per_message, *recipients = groups_of(parts[1])
    require(per_message['Reporting-MTA'] == 'dns; gw.company.ru', per_message.items())
    require(per_message['Original-Envelope-Id'] == 'QQ+1', per_message.items())
    require([(r['Action'], r['Status']) for r in recipients] == outcomes, recipients)
    if name == 'utf8':
        require(recipients[0]['Final-Recipient'] == 'utf-8; почта@company.ru')
    if returned_type == FULL:
        returned = parts[2].get_payload()[0]
        require(returned['Subject'] == 'contract', returned.items())
        require(returned.get_payload().startswith('..the text'), returned.get_payload())
    elif returned_type == HDRS:
        require('Subject: contract' in parts[2].get_payload())


def main():
    for name in SAMPLES:
        run = subprocess.run([sys.argv[1], name], capture_output=True, check=True)
        check(name, run.stdout, run.stderr.decode())
    print(f'{len(SAMPLES)} reports read')


main()
