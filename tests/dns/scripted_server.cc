// SPDX-License-Identifier: Apache-2.0
#include "scripted_server.h"

#include "base/ip.h"

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
    case 15:
      return "MX";
    case 28:
      return "AAAA";
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

}  // namespace

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
  Reaction reaction;
  reaction.rcode = 3;
  if (at != table_.end()) reaction = at->second;
  if (reaction.how == Reaction::How::silence) return {};
  const bool truncated = reaction.how == Reaction::How::truncate_udp && !tcp;
  if (truncated) reaction.records.clear();

  std::string out(query.substr(0, 2));
  out += static_cast<char>(truncated ? 0x83 : 0x81);  // QR, RD; TC
  out += static_cast<char>(0x80 | reaction.rcode);    // RA
  out += u16(1) + u16(reaction.records.size()) + u16(0) + u16(0);
  out += query.substr(kHeader, question.octets);
  if (reaction.how == Reaction::How::garbage) {
    out[7] = 3;  // three answers are announced, and this is what comes
    return out + "\xc0\xff\x07garbage";
  }
  std::string owner("\xc0\x0c", 2);  // the name in the question
  for (const ScriptedRecord& record : reaction.records) {
    out += owner + u16(record.type) + u16(1);
    out += u16(record.ttl >> 16U) + u16(record.ttl & 0xffffU) + u16(record.data.size());
    if (record.type == kCname) owner = record.data;
    out += record.data;
  }
  return out;
}

}  // namespace postern::test
