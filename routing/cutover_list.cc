// SPDX-License-Identifier: Apache-2.0
#include "routing/cutover_list.h"

namespace postern::routing {

CutoverList::CutoverList(std::string path, MailboxRules rules, WatchedTable::Options options)
    : file_(std::move(path), std::move(rules), std::move(options)) {}

CutoverList::Answer CutoverList::look_up(const smtp::Mailbox& mailbox) const {
  const ReadSection reading;
  const MailboxTable* const table = file_.table(reading);
  if (table == nullptr) return {Standing::unavailable, 0};
  const std::size_t line = table->find(mailbox);
  return {line == 0 ? Standing::not_listed : Standing::listed, line};
}

CutoverList::Answer CutoverList::look_up(const RecipientKey& key) const {
  const ReadSection reading;
  const MailboxTable* const table = file_.table(reading);
  if (table == nullptr) return {Standing::unavailable, 0};
  const std::size_t line = table->find(key, key.domain());
  return {line == 0 ? Standing::not_listed : Standing::listed, line};
}

CutoverLists::CutoverLists(const Config& config, const WatchedTable::Options& options)
    : domains_(config.domains) {
  const MailboxRules rules{
      &domains_, config.recipients.case_sensitive, config.recipients.delimiter};
  for (const Domain& domain : config.domains) {
    if (domain.cutover_file.empty() || lists_.contains(domain.cutover_file)) continue;
    lists_.emplace(domain.cutover_file,
                   std::make_unique<CutoverList>(domain.cutover_file, rules, options));
  }
}

bool CutoverLists::refresh() {
  bool any = false;
  for (const auto& [path, list] : lists_) {
    if (list->refresh() == Refresh::reloaded) any = true;
  }
  return any;
}

const CutoverList* CutoverLists::find(const Domain& domain) const {
  const auto it = lists_.find(domain.cutover_file);
  return it == lists_.end() ? nullptr : it->second.get();
}

void CutoverLists::use(const Domain& domain, const Directory& directory) {
  directories_[domain.name] = &directory;
}

const Directory* CutoverLists::directory(const Domain& domain) const {
  if (domain.cutover.empty()) return nullptr;
  const auto it = directories_.find(domain.name);
  return it == directories_.end() ? nullptr : it->second;
}

std::vector<const CutoverList*> CutoverLists::all() const {
  std::vector<const CutoverList*> out;
  for (const auto& [path, list] : lists_)
    out.push_back(list.get());
  return out;
}

}  // namespace postern::routing
