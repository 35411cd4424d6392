// SPDX-License-Identifier: Apache-2.0
#include "routing/watched_table.h"

#include "routing/watched_table_impl.h"

namespace postern::routing {

template class WatchedFile<MailboxTable>;
template class WatchedFile<RewriteMap>;

}  // namespace postern::routing
