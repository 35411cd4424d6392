// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/outcome.h"

#include <algorithm>
#include <utility>

// The guide's steps and settings, by what goes wrong when they are missing. Exchange's names stand
// as its consoles have them, in both languages where the guide has both.

namespace postern::verify {
namespace {

/// "code: meaning", and below it a setting behind each "- "; two spaces continue a line.
constexpr std::string_view kAdvice =
    R"(x-unreachable: Exchange cannot be reached over SMTP from here
- network: from the gateway to port 25 of Exchange must be open
- Exchange: Receive connectors / Соединители получения, VK_receiver: port 25, role Frontend
  Transport, the gateway's address among the remote IP ranges
- gateway: next_hop.hosts
x-relay-refused: Exchange does not pass the gateway's mail on to other domains: mail of VK
  WorkSpace's users to the outside comes back (S5)
- guide, step 1, VK_receiver: a connector of the type Internet has anonymous rights alone
- Exchange: Get-ReceiveConnector VK_receiver | Add-ADPermission -User 'NT AUTHORITY\ANONYMOUS
  LOGON' -ExtendedRights Ms-Exch-SMTP-Accept-Any-Recipient
- Exchange: the connector's RemoteIPRanges must hold the gateway's addresses and nobody else's: it
  relays for whoever they are
- gateway: or gateways.external to a DLP, or left out: mail to the outside goes by DNS
x-recipient-filter: Exchange refuses an address of the domain that it does not know, in place of
  passing it on
- guide, step 1: Accepted domains / Обслуживаемые домены: the domain must be Internal Relay /
  Внутренняя ретрансляция, not Authoritative
- Exchange: the recipient filter stays on after that change: Set-RecipientFilterConfig
  -RecipientValidationEnabled $false, or Set-AcceptedDomain -AddressBookEnabled $false
- Exchange: restart the service MSExchangeTransport (Frontend too) afterwards
x-group-authenticated: the group takes mail of authenticated senders alone, and whatever comes
  through the gateway is not: VK WorkSpace's users cannot write to it
- Exchange: Set-DistributionGroup NAME -RequireSenderAuthenticationEnabled $false
- Exchange: or permission group Exchange Servers with ExternalAuthoritative on VK_receiver, for
  the gateway's addresses alone
x-sender-refused: Exchange refuses the sender's address at the gateway's connection
- Exchange: VK_receiver: AnonymousUsers among the permission groups, with the right
  Ms-Exch-SMTP-Accept-Authoritative-Domain-Sender
- Exchange: the sender filter and Sender ID agents must leave the gateway's address alone
  (Set-TransportConfig -InternalSMTPServers)
x-anonymous-refused: Exchange wants a login from the gateway
- Exchange: VK_receiver must be the connector that takes the gateway's connections: its
  RemoteIPRanges must hold the gateway's address, more exactly than another's do
- Exchange: VK_receiver: permission group Anonymous users
x-connections-refused: Exchange refuses connections before next_hop.max_connections are open
- Exchange: Set-ReceiveConnector VK_receiver -MaxInboundConnectionPerSource 50
  -MaxInboundConnectionPercentagePerSource 100
- gateway: next_hop.max_connections below what Exchange grants
x-resources: Exchange is short of disk or memory (back pressure): it takes no mail for now
- Exchange: Get-EventLog Application -Source MSExchangeTransport, events 15004 to 15007
x-size-small: Exchange takes smaller messages than the gateway: a large letter is taken and comes
  back
- Exchange: Set-ReceiveConnector VK_receiver -MaxMessageSize, Set-TransportConfig -MaxReceiveSize
- gateway: listener.max_message_size of "submission" listeners (Максимальный размер письма SMTP)
  no larger than that
x-mailbox: the letter is not in the Exchange mailbox
- Exchange: does the mailbox exist, and is it the one in the test's file? Get-MessageTrackingLog
  -MessageSubject TOKEN
- guide, step 3: forwarding must also keep: «Доставить сообщение на адрес пересылки и в почтовый
  ящик», DeliverToMailboxAndForward $true
- the Junk folder: name it in old_server.imap.folders
x-forwarding: Exchange has the letter, its copy has not arrived in VK WorkSpace
- guide, step 3: the mailbox: «Включить перенаправление» to the mail contact, with «Доставить
  сообщение на адрес пересылки и в почтовый ящик»; Get-Mailbox USER | fl ForwardingAddress,
  DeliverToMailboxAndForward
- guide, step 3: the contact's «Внешний адрес электронной почты» must be USER at the technical
  domain
- guide, step 2: the send connector «Пересылка на ...»: address space = the technical domain,
  smart host = the gateway, no authentication, enabled
- Exchange: Get-Queue: is the copy waiting, and why?
- gateway: postern queue list, and its log by the letter's Message-ID
- VK WorkSpace: the mailbox's alias at the technical domain («синоним домена»)
x-forwarding-address: Exchange forwards to an address that is not at the technical domain
- guide, step 3: the mail contact's «Внешний адрес электронной почты»: USER at the technical
  domain; Get-MailContact | fl ExternalEmailAddress
- Exchange: ForwardingSmtpAddress must be empty: Set-Mailbox USER -ForwardingSmtpAddress $null
copy-twice: a mailbox has the letter more than once
- VK WorkSpace: the collector («Включить мгновенную сборку») and forwarding both bring it: once
  forwarding works, switch the collector of this user off
- Exchange: a forwarding address and an Inbox rule that forwards, or ForwardingAddress and
  ForwardingSmtpAddress, are both set
- gateway: domain.dual_delivery together with forwarding in Exchange
copy-in-other-folder: the letter has come, and lies in another folder than people look into first
- the server's spam filter: mail of the gateway's addresses must not be rated; Exchange:
  Set-TransportConfig -InternalSMTPServers, VK WorkSpace: «Список серверов, имеющих право отправлять
  почту без авторизации»
- the mailbox's own rules
- the test's file: name the folder in imap.folders when it is right there
copy-unexpected: a mailbox has the letter that must not
- Exchange: forwarding of a user who is not migrated, or who has left: Get-Mailbox USER | fl
  Forwarding*
- Exchange: a cut-over user's mailbox must be disabled, and a Mail User take its place (guide,
  step 6)
- gateway: postern explain says which stage decides for the address
x-internal-relay: Exchange does not pass mail for users that it does not have on to the gateway
- guide, step 1: Accepted domains: Internal Relay / Внутренняя ретрансляция
- guide, step 1: the send connector VK_sender: address space = the domain, smart host = the
  gateway, port 1025 (Set-SendConnector -Identity 'VK_sender' -Port 1025), not scoped away from
  the source server
- guide, step 6: for a disabled mailbox a Mail User with its external address at the technical
  domain
- gateway: a listener on port 1025 with from = the next hop of Exchange
v-unreachable: VK WorkSpace cannot be reached over SMTP from here
- network: from the gateway to port 25 of VK WorkSpace must be open
- gateway: next_hop.hosts
v-alias: VK WorkSpace refuses the address at the technical domain
- guide, preparation, 10: «синоним (алиас) домена» in the administrator's panel, for every mailbox
- guide, step 4: independent-aliases-enabled in /admin
- VK WorkSpace: OUR_ADDRESS_VALIDATE=0 of the containers mror*
v-route: mail of VK WorkSpace's users does not reach Exchange
- guide, step 4: Настройки -> Настройки компонентов -> Почтовый транспорт -> «Кастомные маршруты
  для доменов»: the domain to the gateway
- guide, step 1: «Отправлять письма внутри системы через почтовый шлюз»: the gateway
- gateway: [[route]] of the domain via the next hop of Exchange
- gateway: relay.allow_without_auth must hold VK WorkSpace's addresses
- gateway: its log by the letter's Message-ID, and postern queue list
v-outside: mail of VK WorkSpace's users does not reach the outside
- guide, step 1: «Отправлять письма за пределы системы через почтовый шлюз»: the gateway
- gateway: gateways.external, and relay.allow_without_auth with VK WorkSpace's addresses
- Exchange: a send connector with the address space *; Get-Queue
- the outside mailbox's Junk folder: name it in outside.imap.folders
v-submission: VK WorkSpace does not take the letter of its own user
- the test's file: new_platform.submission: server, user and password_file
- VK WorkSpace: may this user send?
v-delivery: the letter for VK WorkSpace's mailbox has not arrived in it
- gateway: [[domain]] mailboxes, aliases and deliver_as
- VK WorkSpace: «Список серверов, имеющих право отправлять почту без авторизации»: the gateway's
  addresses
- VK WorkSpace: the mailbox's alias at the technical domain; the Junk folder (name it in
  new_platform.imap.folders)
v-connections-refused: VK WorkSpace refuses connections before next_hop.max_connections are open
- gateway: next_hop.max_connections below what VK WorkSpace grants
- VK WorkSpace: the gateway's addresses among «Список серверов, имеющих право отправлять почту без
  авторизации»
v-size-small: VK WorkSpace takes smaller messages than the gateway: copies of large letters come
  back
- VK WorkSpace: Почтовый транспорт: «Максимальный размер письма MX (в Байтах)»
- gateway: listener.max_message_size of "mx" listeners no larger than that
g-unreachable: the gateway's mx listener cannot be reached
- is postern running? postern hops
- the test's file: gateway.mx
g-refused: the gateway refuses what it must take
- gateway: postern explain --client ADDRESS --from SENDER --to RECIPIENT names the stage
g-alias: mail for the technical domain does not reach VK WorkSpace through the gateway
- gateway: [[domain]] aliases, mailboxes, routing.independent_aliases
- gateway: its log
g-cutover: mail for a cut-over user does not reach VK WorkSpace alone
- gateway: domain.cutover must list the user, or a [[wave]] of state "cutover"
- gateway: postern explain --to USER
g-unknown-redirect: mail for users whom VK WorkSpace does not have does not reach Exchange
- gateway: recipients.unknown_redirect («Перенаправлять письма неизвестных получателей на сервер»)
  and recipients.directory
- gateway: recipients.validate = false (OUR_ADDRESS_VALIDATE=0)
g-open-relay: the gateway relays for a stranger
- gateway: relay.allow_without_auth: blocks that are too wide, a balancer's address among them
- gateway: listener.proxy_protocol for balancers in place of their addresses in the allowlist
g-loop-guard: the gateway takes a letter that has circled already: a circle would not end here
- gateway: does it run with this config? postern reload
- gateway: routing.trace_key (without it data_dir/trace.key) must be that of the running gateway,
  and the same on all gateways behind one address
- a server between gateway.mx and the gateway that strips Received and Postern-Trace fields
g-loop: mail circles: 5.4.6, or the config says that it would
- postern check names the loop
- guide, step 1 and 4: Exchange and VK WorkSpace must not send the same domain to each other past
  the gateway
balancer-hides-clients: the gateway sees another client address than the one that was sent from:
  limits, the allowlist and the way back (R7) go by the balancer's address
- balancer: send the PROXY protocol; gateway: listener.proxy_protocol with its addresses
- gateway: listener.from on the listener for Exchange, whatever address it has
- gateway: never the balancer's address in relay.allow_without_auth: it makes an open relay
source-unknown: the gateway does not know this address as Exchange's or VK WorkSpace's: their mail
  counts as anybody's, and mail for the domain can circle (R7)
- gateway: next_hop.sources: all addresses that the server sends from
- gateway: listener.from on the listener for Exchange's connector (port 1025)
- a balancer between them: PROXY protocol, and listener.proxy_protocol
mx-alias: the technical domain's MX does not lead to the gateway
- DNS: MX of the technical domain: the gateway's public name
- the test's file: gateway.addresses and gateway.names, when these are right
mx-domain: the main domain has no MX that works
- DNS: MX of the main domain: Exchange, or the gateway before it
tls-missing: the next hop wants TLS, and the server does not offer it
- gateway: next_hop.tls
- Exchange: the receive connector's TLS among its AuthMechanism
tls-handshake: STARTTLS is offered, and the handshake fails
- the server: its certificate for SMTP and its TLS versions (1.2 at least); Exchange:
  Get-ReceiveConnector | fl TlsCertificateName, AuthMechanism
- gateway: next_hop.tls = "none" until that is mended, where the network may be trusted
tls-certificate-expired: the certificate is no longer, or not yet, valid
- Exchange: Get-ExchangeCertificate; Enable-ExchangeCertificate -Services SMTP with the new one
- VK WorkSpace: the certificate of its SMTP service
- is the clock right?
tls-certificate: the certificate does not prove what next_hop.tls asks for
- gateway: next_hop.tls_name, tls_ca, tls_pins
- the server: its certificate's names and chain
x-imap: the Exchange mailbox cannot be looked into over IMAP: the letter's end is not seen
- the test's file: user and password_file of the user's old, tls, verify and ca of
  old_server.imap
- Exchange: the services MSExchangeIMAP4 and MSExchangeIMAP4BE run; Get-CASMailbox USER | fl
  ImapEnabled
v-imap: the VK WorkSpace mailbox cannot be looked into over IMAP: the letter's end is not seen
- the test's file: user and password_file of the user's new, tls, verify and ca of
  new_platform.imap
- VK WorkSpace: may this user log in over IMAP, and does it want a password for applications?
e-imap: the outside mailbox cannot be looked into over IMAP: the letter's end is not seen
- the test's file: user, password_file and imap (tls, verify, ca) of outside
- the outside server: may this user log in over IMAP, and does it want a password for applications?
bounce: a report came: the letter could not be delivered
- the report's own words; postern explain for the gateway's part
bounce-missing: no report came about a letter that cannot be delivered: its sender would never
  know
- Exchange: Get-RemoteDomain | fl NDREnabled
- gateway: postern queue list; retry.lifetime when the next hop answers 4xx
refused: the server refuses the letter
- the reply's own words
temporary: the server puts it off (4xx): greylisting, load, or a directory that does not answer
- try again later; the server's log
)";

/// Takes a line with those that continue it off `rest`.
std::string next_entry(std::string_view& rest) {
  std::string out;
  do {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!out.empty()) line.remove_prefix(1);  // of two spaces one stays
    out += line;
  } while (rest.starts_with("  "));
  return out;
}

std::vector<Advice> parse_advice(std::string_view text) {
  std::vector<Advice> out;
  while (!text.empty()) {
    const std::string entry = next_entry(text);
    if (entry.starts_with("- ")) {
      if (!out.empty()) out.back().look_at.push_back(entry.substr(2));
      continue;
    }
    const std::size_t colon = entry.find(": ");
    if (colon == std::string::npos) continue;
    out.push_back({entry.substr(0, colon), entry.substr(colon + 2), {}});
  }
  return out;
}

}  // namespace

const std::vector<Advice>& all_advice() {
  static const std::vector<Advice> all = parse_advice(kAdvice);
  return all;
}

const Advice* find_advice(std::string_view code) {
  const std::vector<Advice>& all = all_advice();
  const auto found =
      std::find_if(all.begin(), all.end(), [code](const Advice& one) { return one.code == code; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace postern::verify
