// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/send/option_values.h"
#include "mailtools/send/options.h"
#include "mailtools/send/proxy.h"

#include <istream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::send {

/// Private to the folder: reads options in the order of typing, which counts for some. Its members
/// are for the functions of the tables.
class Reader {
 public:
  using Read = void (*)(Reader&, const std::string&);
  using Table = std::map<std::string_view, Read>;

  explicit Reader(std::istream& standard_input) : in(standard_input) {}
  Result<Options, Mistake> read(const std::vector<Given>& given);

  /// One of the tables has it, or it is of XCLIENT or PROXY.
  static bool knows(std::string_view name);

  // option_tables.cc: by the option's name, what is done with its value.
  static const Table& target_table();
  static const Table& dialogue_table();
  static const Table& tls_table();
  static const Table& auth_table();
  static const Table& message_table();
  static const Table& output_table();

  /// Of the option that is read; the first mistake counts.
  void fail(std::string_view text);
  /// "-", "@FILE", "@@text" or text, with "\n" for line ends if wanted.
  std::string text_of(const std::string& value, bool line_ends = true);
  std::string standard_input();
  std::uint16_t port_of(const std::string& text);
  unsigned long number_of(const std::string& text);
  void add_recipients(std::vector<std::string>* named, const std::string& list);
  StopAt stop_of(const std::string& text, StopAt last);
  void want_auth(Want want, const std::string& types);
  void add_attachment(const std::string& value, bool is_body);
  void refuse_file(const std::string& value);

  std::istream& in;
  Options out;
  std::optional<std::string> port;
  std::string server_port;  ///< that stands behind --server, and counts before --port
  const Protocol* protocol = nullptr;
  std::string attach_type;
  std::optional<std::string> attach_name;
  bool password_given = false;
  bool from_given = false;

 private:
  static Read find(std::string_view name);
  bool take_xclient(const Given& one);
  bool take_proxy(const Given& one);
  void xclient_attribute(std::string_view attribute, const std::string& value);
  void end_xclient_group();
  void finish();
  void finish_protocol();
  void check_family();
  void finish_target();
  void finish_proxy();
  void finish_auth();
  void finish_violations();

  ProxyOptions proxy_;
  std::string xclient_group_;
  std::string name_;  ///< of the option that is read
  std::string mistake_;
  int status_ = 1;
  std::optional<std::string> stdin_;
};

}  // namespace postern::send
