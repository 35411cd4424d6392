// SPDX-License-Identifier: Apache-2.0
#include "directories/ldap_connection.h"

#include "base/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <ldap.h>
#include <mutex>
#include <sys/time.h>
#include <utility>

namespace postern::directories {
namespace {

using std::chrono::milliseconds;

/// How often a stop is looked for.
constexpr milliseconds kSlice{200};

struct FreeMessage {
  void operator()(LDAPMessage* message) const { ::ldap_msgfree(message); }
};
struct FreeText {
  void operator()(char* text) const { ::ldap_memfree(text); }
};
struct FreeValues {
  void operator()(berval** values) const { ::ldap_value_free_len(values); }
};
struct FreeControl {
  void operator()(LDAPControl* control) const { ::ldap_control_free(control); }
};
struct FreeControls {
  void operator()(LDAPControl** controls) const { ::ldap_controls_free(controls); }
};
using Message = std::unique_ptr<LDAPMessage, FreeMessage>;

/// libldap makes its global options at the first call that needs them, without a lock against
/// another thread's first call (OpenLDAP 2.5, ldap_int_initialize).
void initialize_library() {
  static std::once_flag once;
  std::call_once(once, [] {
    int debug = 0;
    ::ldap_get_option(nullptr, LDAP_OPT_DEBUG_LEVEL, &debug);
  });
}

timeval to_timeval(milliseconds time) {
  const auto ms = std::max<std::int64_t>(time.count(), 1);
  return timeval{ms / 1000, (ms % 1000) * 1000};
}

milliseconds left_until(LdapConnection::Deadline deadline) {
  return std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
}

LdapTrouble trouble_of(int code) {
  switch (code) {
    case LDAP_BUSY:
    case LDAP_UNAVAILABLE:
    case LDAP_UNWILLING_TO_PERFORM:
    case LDAP_TIMELIMIT_EXCEEDED:
    case LDAP_ADMINLIMIT_EXCEEDED:
    case LDAP_OTHER:
      return LdapTrouble::busy;
    case LDAP_INVALID_CREDENTIALS:
    case LDAP_INAPPROPRIATE_AUTH:
    case LDAP_STRONG_AUTH_REQUIRED:
    case LDAP_CONFIDENTIALITY_REQUIRED:
      return LdapTrouble::refused;
    case LDAP_FILTER_ERROR:
    case LDAP_PARAM_ERROR:
      return LdapTrouble::setting;
    default:  // the library's own codes are negative
      return code < 0 ? LdapTrouble::lost : LdapTrouble::setting;
  }
}

/// What a server answers to a bind when the account is none, its password is wrong, or (389
/// Directory Server: 19 and 53) the account is locked or switched off.
bool is_of_account(int code) {
  return code == LDAP_INVALID_CREDENTIALS || code == LDAP_CONSTRAINT_VIOLATION ||
         code == LDAP_UNWILLING_TO_PERFORM;
}

/// What a server or the TLS library said, without the parentheses that libldap sometimes adds.
std::string detail_of(std::string_view said) {
  std::string out = printable(said);
  // With GnuTLS libldap has no word for a certificate that does not pass.
  if (out == "(unknown error code)") {
    return "the certificate is not trusted, out of date, or for another name";
  }
  const bool wrapped = out.size() > 2 && out.front() == '(' && out.back() == ')';
  return wrapped ? out.substr(1, out.size() - 2) : out;
}

LdapFailure no_answer(const char* doing) {
  return {LdapTrouble::lost, fmt::format("{}: no answer in time", doing)};
}

}  // namespace

void LdapConnection::Unbind::operator()(ldap* handle) const {
  ::ldap_unbind_ext(handle, nullptr, nullptr);
}

LdapFailure LdapConnection::failure(int code, const char* doing) {
  const bool late = std::chrono::steady_clock::now() >= limits_->deadline;
  if (code == LDAP_TIMEOUT || (code < 0 && late)) return no_answer(doing);
  char* raw = nullptr;
  ::ldap_get_option(handle_.get(), LDAP_OPT_DIAGNOSTIC_MESSAGE, &raw);
  const std::unique_ptr<char, FreeText> said(raw);
  std::string text = fmt::format("{}: {}", doing, ::ldap_err2string(code));
  const std::string detail = detail_of(said ? said.get() : "");
  if (!detail.empty()) text += fmt::format(" ({})", detail);
  return {trouble_of(code), std::move(text), is_of_account(code)};
}

Result<LdapConnection, LdapFailure> LdapConnection::open(const LdapSettings& settings,
                                                         const std::string& url,
                                                         Deadline deadline) {
  initialize_library();
  ldap* handle = nullptr;
  const int made = ::ldap_initialize(&handle, url.c_str());
  if (made != LDAP_SUCCESS) {
    return LdapFailure{LdapTrouble::setting, fmt::format("no server: {}", ::ldap_err2string(made))};
  }
  LdapConnection out(settings, handle);
  if (const auto set = out.set_options(deadline); !set) return set.error();
  const bool is_ldaps = url.starts_with("ldaps:");
  if (is_ldaps || settings.start_tls) {
    if (const auto set = out.set_tls_options(); !set) return set.error();
  }
  if (const auto up = out.connect(is_ldaps); !up) return up.error();
  // TLS and the connect took their part of the time.
  if (left_until(deadline) <= milliseconds(0)) return no_answer("connect");
  const timeval left = to_timeval(left_until(deadline));
  ::ldap_set_option(handle, LDAP_OPT_TIMEOUT, &left);
  if (const auto bound = out.bind(); !bound) return bound.error();
  return out;
}

Result<void, LdapFailure> LdapConnection::set_options(Deadline deadline) {
  if (left_until(deadline) <= milliseconds(0)) return no_answer("connect");
  limits_->deadline = deadline;
  const timeval left = to_timeval(left_until(deadline));
  const int version = LDAP_VERSION3;
  ldap* const handle = handle_.get();
  if (!limits_->guard(handle)) return LdapFailure{LdapTrouble::lost, "connect: no time limit"};
  ::ldap_set_option(handle, LDAP_OPT_PROTOCOL_VERSION, &version);
  ::ldap_set_option(handle, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
  ::ldap_set_option(handle, LDAP_OPT_RESTART, LDAP_OPT_ON);  // signals are no errors
  ::ldap_set_option(handle, LDAP_OPT_NETWORK_TIMEOUT, &left);
  ::ldap_set_option(handle, LDAP_OPT_TIMEOUT, &left);
  return {};
}

Result<void, LdapFailure> LdapConnection::set_tls_options() {
  ldap* const handle = handle_.get();
  const int demand = settings_->verify ? LDAP_OPT_X_TLS_DEMAND : LDAP_OPT_X_TLS_NEVER;
  ::ldap_set_option(handle, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
  const int oldest = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2;
  ::ldap_set_option(handle, LDAP_OPT_X_TLS_PROTOCOL_MIN, &oldest);
  if (!settings_->ca.empty()) {
    ::ldap_set_option(handle, LDAP_OPT_X_TLS_CACERTFILE, settings_->ca.c_str());
  }
  const int for_client = 0;
  const bool made =
      ::ldap_set_option(handle, LDAP_OPT_X_TLS_NEWCTX, &for_client) == LDAP_OPT_SUCCESS;
  if (made) return {};
  return LdapFailure{LdapTrouble::setting,
                     fmt::format("TLS: \"{}\" is no file of certificates", settings_->ca)};
}

Result<void, LdapFailure> LdapConnection::connect(bool is_ldaps) {
  ldap* const handle = handle_.get();
  const int up = ::ldap_connect(handle);
  if (up != LDAP_SUCCESS) return failure(up, "connect");
  if (is_ldaps || !settings_->start_tls) return {};
  const int encrypted = ::ldap_start_tls_s(handle, nullptr, nullptr);
  if (encrypted != LDAP_SUCCESS) return failure(encrypted, "StartTLS");
  return {};
}

Result<void, LdapFailure> LdapConnection::bind() {
  const std::string& password = settings_->bind_password;
  if (!settings_->bind_dn.empty() && password.empty()) {
    // RFC 4513 5.1.2: many servers would take it as anonymous, and then show nobody.
    return LdapFailure{LdapTrouble::setting, "bind: the account has no password"};
  }
  berval secret{};
  secret.bv_len = password.size();
  secret.bv_val = const_cast<char*>(password.data());  // NOLINT: libldap does not write to it
  const int bound = ::ldap_sasl_bind_s(handle_.get(),
                                       settings_->bind_dn.c_str(),
                                       LDAP_SASL_SIMPLE,
                                       &secret,
                                       nullptr,
                                       nullptr,
                                       nullptr);
  if (bound != LDAP_SUCCESS) return failure(bound, "bind");
  return {};
}

Result<int, LdapFailure> LdapConnection::send(const LdapSearch& search, Deadline deadline) {
  ldap* const handle = handle_.get();
  std::vector<char*> attributes;
  for (const std::string& name :
       search.attributes.empty() ? settings_->attributes : search.attributes)
    attributes.push_back(const_cast<char*>(name.c_str()));  // NOLINT: as above
  if (attributes.empty()) attributes.push_back(const_cast<char*>(LDAP_NO_ATTRS));  // NOLINT
  attributes.push_back(nullptr);

  std::unique_ptr<LDAPControl, FreeControl> page;
  LDAPControl* controls[] = {nullptr, nullptr};
  if (search.page_size > 0) {
    berval cookie{search.cookie.size(), const_cast<char*>(search.cookie.data())};  // NOLINT
    LDAPControl* raw = nullptr;
    const auto size = static_cast<ber_int_t>(search.page_size);
    const int made = ::ldap_create_page_control(handle, size, &cookie, 'T', &raw);
    if (made != LDAP_SUCCESS) return failure(made, "search");
    page.reset(raw);
    controls[0] = raw;
  }
  const bool one = !search.entry.empty();
  const int scope = one || settings_->scope == LdapScope::base ? LDAP_SCOPE_BASE
                    : settings_->scope == LdapScope::one       ? LDAP_SCOPE_ONELEVEL
                                                               : LDAP_SCOPE_SUBTREE;
  timeval left = to_timeval(left_until(deadline));
  int id = 0;
  const int sent = ::ldap_search_ext(handle,
                                     one ? search.entry.c_str() : settings_->base.c_str(),
                                     scope,
                                     search.filter.c_str(),
                                     attributes.data(),
                                     0,
                                     controls,
                                     nullptr,
                                     &left,
                                     search.size_limit,
                                     &id);
  if (sent != LDAP_SUCCESS) return failure(sent, "search");
  return id;
}

Result<LdapFound, LdapFailure> LdapConnection::search(
    const LdapSearch& search,
    Deadline deadline,
    const std::function<void(const LdapEntry&)>& take) {
  if (left_until(deadline) <= milliseconds(0)) return no_answer("search");
  limits_->deadline = deadline;
  const auto id = send(search, deadline);
  if (!id) return id.error();
  while (left_until(deadline) > milliseconds(0) && !search.stop.stop_requested()) {
    timeval wait = to_timeval(std::min(left_until(deadline), kSlice));
    LDAPMessage* raw = nullptr;
    const int kind = ::ldap_result(handle_.get(), *id, LDAP_MSG_ONE, &wait, &raw);
    const Message message(raw);
    if (kind < 0) {
      int code = LDAP_SERVER_DOWN;
      ::ldap_get_option(handle_.get(), LDAP_OPT_RESULT_CODE, &code);
      return failure(code, "search");
    }
    if (kind == LDAP_RES_SEARCH_ENTRY) take(read(raw));
    if (kind == LDAP_RES_SEARCH_RESULT) return finish(raw, search.page_size > 0);
  }
  ::ldap_abandon_ext(handle_.get(), *id, nullptr, nullptr);
  return no_answer("search");
}

LdapEntry LdapConnection::read(ldapmsg* entry) {
  ldap* const handle = handle_.get();
  LdapEntry out;
  const std::unique_ptr<char, FreeText> dn(::ldap_get_dn(handle, entry));
  if (dn) out.dn = dn.get();
  BerElement* position = nullptr;
  std::unique_ptr<char, FreeText> name(::ldap_first_attribute(handle, entry, &position));
  for (; name; name.reset(::ldap_next_attribute(handle, entry, position))) {
    const std::unique_ptr<berval*, FreeValues> values(
        ::ldap_get_values_len(handle, entry, name.get()));
    for (std::size_t i = 0; values && values.get()[i] != nullptr; ++i) {
      const berval& value = *values.get()[i];
      out.values.push_back({name.get(), std::string(value.bv_val, value.bv_len)});
    }
  }
  if (position != nullptr) ::ber_free(position, 0);
  return out;
}

Result<LdapFound, LdapFailure> LdapConnection::finish(ldapmsg* message, bool paged) {
  ldap* const handle = handle_.get();
  int code = LDAP_OTHER;
  LDAPControl** raw = nullptr;
  const int parsed =
      ::ldap_parse_result(handle, message, &code, nullptr, nullptr, nullptr, &raw, 0);
  const std::unique_ptr<LDAPControl*, FreeControls> controls(raw);
  if (parsed != LDAP_SUCCESS) return failure(parsed, "search");
  LdapFound out;
  out.over_limit = code == LDAP_SIZELIMIT_EXCEEDED && !paged;
  if (code != LDAP_SUCCESS && !out.over_limit) return failure(code, "search");
  if (!paged) return out;
  LDAPControl* const page = ::ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, raw, nullptr);
  if (page == nullptr) return LdapFailure{LdapTrouble::setting, "search: the server has no pages"};
  berval cookie{};
  ber_int_t estimate = 0;
  const int read = ::ldap_parse_pageresponse_control(handle, page, &estimate, &cookie);
  if (read != LDAP_SUCCESS) return failure(read, "search");
  out.cookie.assign(cookie.bv_val == nullptr ? "" : cookie.bv_val, cookie.bv_len);
  ::ber_memfree(cookie.bv_val);
  return out;
}

}  // namespace postern::directories
