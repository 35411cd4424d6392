// SPDX-License-Identifier: Apache-2.0
#include "scripted_server.h"

#include "base/ip.h"
#include "wire_message.h"

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

namespace postern::test {
namespace {

namespace asio = net::asio;

constexpr std::size_t kHeader = 12;
constexpr std::uint16_t kCname = 5;

std::string u16(std::size_t value) {
  return {static_cast<char>(value >> 8U & 0xffU), static_cast<char>(value & 0xffU)};
}

std::string u32(std::uint32_t value) {
  return u16(value >> 16U) + u16(value & 0xffffU);
}

std::string wire_name(std::string_view name) {
  std::string out;
  while (!name.empty() && name != ".") {
    const std::size_t dot = std::min(name.find('.'), name.size());
    out += static_cast<char>(dot);
    out += name.substr(0, dot);
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  return out + '\0';
}

std::string type_name(unsigned type) {
  switch (type) {
    case 1:
      return "A";
    case 5:
      return "CNAME";
    case 12:
      return "PTR";
    case 15:
      return "MX";
    case 16:
      return "TXT";
    case 28:
      return "AAAA";
    case 52:
      return "TLSA";
    default:
      return std::to_string(type);
  }
}

struct Question {
  std::string text;  ///< "MX example.com"
  std::size_t octets = 0;
};

/// The question of a query as c-ares writes it: one, uncompressed.
Question read_question(std::string_view query) {
  Question question;
  std::string name;
  std::size_t at = kHeader;
  while (at < query.size() && query[at] != '\0') {
    const auto length = static_cast<unsigned char>(query[at]);
    if (!name.empty()) name += '.';
    name += query.substr(at + 1, length);
    at += std::size_t{length} + 1;
  }
  if (at + 5 > query.size()) return question;
  const auto type = static_cast<unsigned>(static_cast<unsigned char>(query[at + 1]) << 8U |
                                          static_cast<unsigned char>(query[at + 2]));
  question.text = type_name(type) + " " + name;
  question.octets = at + 5 - kHeader;
  return question;
}

/// One section. `owner` is the record's that names none; a CNAME changes it.
std::string section(const std::vector<ScriptedRecord>& records, std::string owner) {
  std::string out;
  for (const ScriptedRecord& record : records) {
    out += record.owner.empty() ? owner : wire_name(record.owner);
    out += u16(record.type) + u16(1) + u32(record.ttl) + u16(record.data.size()) + record.data;
    if (record.type == kCname && record.owner.empty()) owner = record.data;
  }
  return out;
}

}  // namespace

std::string txt_data(const std::vector<std::string>& strings) {
  std::string out;
  for (const std::string& text : strings)
    out += static_cast<char>(text.size()) + text;
  return out;
}

std::string tlsa_data(std::uint8_t usage,
                      std::uint8_t selector,
                      std::uint8_t matching,
                      std::string_view octets) {
  std::string out;
  for (const std::uint8_t number : {usage, selector, matching})
    out += static_cast<char>(number);
  return out.append(octets);
}

std::string soa_data(std::uint32_t minimum) {
  return wire_name("ns.example") + wire_name("hostmaster.example") + u32(1) + u32(2) + u32(3) +
         u32(4) + u32(minimum);
}

std::string mx_data(std::uint16_t preference, std::string_view exchange) {
  return u16(preference) + wire_name(exchange);
}

std::string a_data(std::string_view address) {
  const auto bytes = parse_ip(address)->to_v4().to_bytes();
  return {bytes.begin(), bytes.end()};
}

std::string aaaa_data(std::string_view address) {
  const auto bytes = parse_ip(address)->to_v6().to_bytes();
  return {bytes.begin(), bytes.end()};
}

std::string cname_data(std::string_view target) {
  return wire_name(target);
}

std::string WireMessage::str() const {
  return str(wire_name(question) + u16(type) + u16(1));
}

std::string WireMessage::str(std::string_view question_octets) const {
  std::string out("\x12\x34\x81", 3);                               // ID; QR, RD
  out += static_cast<char>(0x80 | (authentic ? 0x20 : 0) | rcode);  // RA; AD
  out += u16(1) + u16(answers.size()) + u16(authority.size()) + u16(0);
  out += question_octets;
  const std::string asked_name("\xc0\x0c", 2);
  return out + section(answers, asked_name) + section(authority, asked_name);
}

struct ScriptedServer::Connection {
  explicit Connection(net::Socket s) : socket(std::move(s)) {}
  net::Socket socket;
  std::array<unsigned char, 2> length{};
  std::string query;
  std::string answer;
};

ScriptedServer::ScriptedServer(net::IoContext& io)
    : udp_(io.get_executor()), tcp_(io.get_executor()) {
  const auto loopback = asio::ip::address_v4::loopback();
  // The port that UDP gets may be taken for TCP: another one is tried then.
  for (int attempt = 0; attempt < 100 && !tcp_.is_open(); ++attempt) {
    udp_ = Udp(io.get_executor(), asio::ip::udp::endpoint(loopback, 0));
    net::error_code ec;
    tcp_.open(asio::ip::tcp::v4());
    tcp_.bind(net::Endpoint(loopback, udp_.local_endpoint().port()), ec);
    if (!ec) tcp_.listen(16, ec);
    if (ec) tcp_.close();
  }
  receive();
  accept();
}

std::string ScriptedServer::address() const {
  return "127.0.0.1:" + std::to_string(udp_.local_endpoint().port());
}

void ScriptedServer::receive() {
  udp_.async_receive_from(
      asio::buffer(buffer_), peer_, [this](const net::error_code& ec, std::size_t n) {
        if (ec == asio::error::operation_aborted) return;
        net::error_code ignored;
        const std::string out = answer({buffer_.data(), n}, false);
        if (!out.empty()) udp_.send_to(asio::buffer(out), peer_, 0, ignored);
        receive();
      });
}

void ScriptedServer::accept() {
  tcp_.async_accept([this](const net::error_code& ec, net::Socket socket) {
    if (ec == asio::error::operation_aborted) return;
    if (!ec) serve(std::make_shared<Connection>(std::move(socket)), *this);
    accept();
  });
}

void ScriptedServer::serve(const std::shared_ptr<Connection>& connection, ScriptedServer& server) {
  asio::async_read(
      connection->socket,
      asio::buffer(connection->length),
      [connection, &server](const net::error_code& ec, std::size_t) {
        if (ec) return;
        connection->query.resize(std::size_t{connection->length[0]} << 8U | connection->length[1]);
        asio::async_read(connection->socket,
                         asio::buffer(connection->query),
                         [connection, &server](const net::error_code& failed, std::size_t) {
                           if (failed) return;
                           const std::string out = server.answer(connection->query, true);
                           connection->answer = u16(out.size()) + out;
                           asio::async_write(connection->socket,
                                             asio::buffer(connection->answer),
                                             [connection](const net::error_code&, std::size_t) {});
                         });
      });
}

std::string ScriptedServer::answer(std::string_view query, bool tcp) {
  const Question question = read_question(query);
  asked_.push_back(question.text + (tcp ? " tcp" : ""));
  const auto at = table_.find(question.text);
  // The OPT record is the last, and has no options: its flags are 4 octets from the end.
  const bool edns = query[11] != 0;
  asked_ad_ = (query[3] & 0x20) != 0;
  asked_do_ = edns && (query[query.size() - 4] & 0x80) != 0;
  Reaction reaction;
  reaction.rcode = 3;
  if (at != table_.end()) reaction = at->second;
  using How = Reaction::How;
  if (reaction.how == How::silence) return {};
  const bool truncated = reaction.how == How::truncate_udp && !tcp;
  const bool refused = reaction.how == How::no_edns && edns;
  if (refused) reaction.rcode = 1;
  if (truncated || refused) reaction.records.clear();
  WireMessage message;
  message.rcode = reaction.rcode;
  message.authentic = reaction.authentic && (asked_ad_ || asked_do_);
  message.answers = reaction.records;
  message.authority = reaction.authority;
  std::string out = message.str(query.substr(kHeader, question.octets));
  out.replace(0, 2, query.substr(0, 2));
  if (truncated) out[2] = static_cast<char>(0x83);
  if (reaction.how == How::wrong_id) out[1] = static_cast<char>(out[1] ^ 1);
  if (reaction.how == How::wrong_question) out[kHeader + 1] = '#';
  if (reaction.how == How::garbage) {
    out.resize(kHeader + question.octets);
    out[7] = 3;  // three answers are announced, and this is what comes
    out += "\xc0\xff\x07garbage";
  }
  return out;
}

}  // namespace postern::test
