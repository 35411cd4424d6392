// SPDX-License-Identifier: Apache-2.0
// Against a real PostgreSQL: who exists (R8, R9), and what cannot be asked (never a guess).
#include "directories/sql_source.h"

#include "support/postgres.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

namespace postern::directories {
namespace {

using routing::DirectoryAnswer;
using routing::Presence;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class SqlSourceTest : public ::testing::Test {
 protected:
  SqlSourceTest() {
    server.run(
        "CREATE TABLE mailboxes (address text PRIMARY KEY, active boolean);"
        "INSERT INTO mailboxes VALUES ('i.ivanov@company.ru', true), ('left@company.ru', false),"
        "('null@company.ru', NULL), ('o''neil@company.ru', true)");
    settings.name = "pg";
    settings.connection = server.url();
    settings.password = server.password();
    settings.query = "SELECT active FROM mailboxes WHERE address = $1";
  }

  DirectoryAnswer ask(Source& source, const std::string& local) {
    return source.look_up(smtp::Mailbox(local, "company.ru"));
  }
  DirectoryAnswer ask_once(const std::string& local = "i.ivanov") {
    return ask(*make_sql_source(settings), local);
  }

  test::Postgres server;
  SqlSettings settings;
};

TEST_F(SqlSourceTest, KnowsWhoHasARowThatIsNeitherNullNorFalse) {
  const std::unique_ptr<Source> source = make_sql_source(settings);
  const DirectoryAnswer known = ask(*source, "i.ivanov");
  EXPECT_EQ(known.presence, Presence::known);
  EXPECT_EQ(known.evidence, "sql pg (127.0.0.1)");
  EXPECT_EQ(ask(*source, "nobody").presence, Presence::unknown);
  EXPECT_EQ(ask(*source, "left").presence, Presence::unknown);
  EXPECT_EQ(ask(*source, "null").presence, Presence::unknown);
}

TEST_F(SqlSourceTest, AddressesAreNeverSql) {
  const std::unique_ptr<Source> source = make_sql_source(settings);
  EXPECT_EQ(ask(*source, "o'neil").presence, Presence::known);
  EXPECT_EQ(ask(*source, "\"'; drop table mailboxes; --\"").presence, Presence::unknown);
  EXPECT_EQ(ask(*source, "x' OR '1'='1").presence, Presence::unknown);
  EXPECT_EQ(ask(*source, "%").presence, Presence::unknown);
  EXPECT_EQ(server.run("SELECT count(*) FROM mailboxes"), "4");
}

TEST_F(SqlSourceTest, AsksByTheUnixSocketAndByParts) {
  settings.connection = server.local();
  settings.query =
      "SELECT 1 FROM mailboxes WHERE split_part(address, '@', 1) = $2 AND "
      "split_part(address, '@', 2) = $3";
  EXPECT_EQ(ask_once().presence, Presence::known) << "$1 is not used";
  settings.query = "SELECT 1 FROM mailboxes WHERE address = $1 AND $3 = 'company.ru'";
  EXPECT_EQ(ask_once().presence, Presence::known) << "$2 is not used";
  EXPECT_EQ(ask_once("nobody").presence, Presence::unknown);
}

TEST_F(SqlSourceTest, NamesWhatIsWrongByItsSqlstate) {
  settings.query = "SELECT 1 FROM mailbox WHERE address = $1";
  DirectoryAnswer answer = ask_once();
  EXPECT_EQ(answer.presence, Presence::unavailable);
  EXPECT_THAT(answer.evidence, StartsWith("sql pg: 42P01 the query is wrong (relation"));
  settings.query = "DELETE FROM mailboxes WHERE false AND address = $1";
  answer = ask_once();
  EXPECT_EQ(answer.presence, Presence::unavailable);
  EXPECT_THAT(answer.evidence, HasSubstr("must be a SELECT"));
  settings.query = "COPY mailboxes TO STDOUT --$1\n";
  EXPECT_EQ(ask_once().presence, Presence::unavailable);
  settings.query = "SELECT 1 FROM mailboxes WHERE address = $1";
  settings.password = "wrong";
  answer = ask_once();
  EXPECT_EQ(answer.presence, Presence::unavailable);
  EXPECT_THAT(answer.evidence, StartsWith("sql pg: 28P01 the server does not take the password"));
  settings.password = server.password();
  settings.connection = "postgresql://postern@127.0.0.1:" + std::to_string(server.port()) + "/none";
  EXPECT_THAT(ask_once().evidence, StartsWith("sql pg: 3D000 there is no such database"));
}

TEST_F(SqlSourceTest, AQueryThatComesRightIsAskedOnTheSameConnection) {
  settings.query = "SELECT 1 FROM later WHERE address = $1";
  const std::unique_ptr<Source> source = make_sql_source(settings);
  EXPECT_EQ(ask(*source, "i.ivanov").presence, Presence::unavailable);
  server.run("CREATE TABLE later AS SELECT * FROM mailboxes");
  EXPECT_EQ(ask(*source, "i.ivanov").presence, Presence::known);
  server.run(
      "DROP TABLE later; CREATE TABLE later (address varchar(99)); "
      "INSERT INTO later VALUES ('new@company.ru')");
  EXPECT_EQ(ask(*source, "new").presence, Presence::known);
}

TEST_F(SqlSourceTest, ASlowQueryIsEndedAndTheConnectionServesTheNext) {
  settings.timeout = std::chrono::milliseconds(400);
  settings.query =
      "SELECT pg_sleep(CASE WHEN $2 = 'slow' THEN 60 ELSE 0 END), pg_backend_pid() "
      "WHERE $1 <> ''";
  const std::unique_ptr<Source> source = make_sql_source(settings);
  const DirectoryAnswer slow = ask(*source, "slow");
  EXPECT_EQ(slow.presence, Presence::unavailable);
  EXPECT_THAT(slow.evidence, StartsWith("sql pg: 57014 the query took too long"));
  const std::string count =
      "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'postern'";
  EXPECT_EQ(server.run(count + " AND state = 'idle'"), "1") << "nothing runs on in the server";
  EXPECT_EQ(ask(*source, "quick").presence, Presence::known);
  EXPECT_EQ(server.run(count), "1");
}

TEST_F(SqlSourceTest, AServerThatHangsCostsTheTimeLimitOnly) {
  settings.timeout = std::chrono::milliseconds(300);
  const std::unique_ptr<Source> source = make_sql_source(settings);
  EXPECT_EQ(ask(*source, "i.ivanov").presence, Presence::known);
  server.freeze();
  EXPECT_THAT(ask(*source, "i.ivanov").evidence, HasSubstr("no answer in time"));
  EXPECT_THAT(ask(*source, "i.ivanov").evidence, HasSubstr("no answer in time"));
  server.thaw();
  settings.timeout = std::chrono::seconds(20);
  EXPECT_EQ(ask_once().presence, Presence::known);
}

TEST_F(SqlSourceTest, ASilentHostIsPassedOverForTheNext) {
  // A listener whose queue nobody empties: the connection is there, the answer never.
  net::IoContext context;
  const net::Acceptor silent(context.get_executor(),
                             net::Endpoint(net::asio::ip::address_v4::loopback(), 0));
  settings.connection = "host=127.0.0.1,127.0.0.1 user=postern dbname=postgres port=" +
                        std::to_string(silent.local_endpoint().port()) + "," +
                        std::to_string(server.port());
  settings.timeout = std::chrono::seconds(2);
  const std::unique_ptr<Source> source = make_sql_source(settings);
  EXPECT_EQ(ask(*source, "i.ivanov").presence, Presence::known);
  EXPECT_EQ(ask(*source, "nobody").evidence, "sql pg (127.0.0.1)");
}

TEST_F(SqlSourceTest, ASessionThatTheServerEndedIsReplacedUnseen) {
  const std::unique_ptr<Source> source = make_sql_source(settings);
  EXPECT_EQ(ask(*source, "i.ivanov").presence, Presence::known);
  server.stop();
  server.start();
  EXPECT_EQ(ask(*source, "i.ivanov").presence, Presence::known);
  server.stop();
  const DirectoryAnswer down = ask(*source, "i.ivanov");
  EXPECT_EQ(down.presence, Presence::unavailable);
  EXPECT_THAT(down.evidence, HasSubstr("refused"));
}

TEST_F(SqlSourceTest, StoppedAndStartedUnderLoadItNeverGuesses) {
  std::atomic<bool> over{false};
  std::atomic<int> wrong{0};
  std::atomic<int> down{0};
  std::atomic<int> right{0};
  const auto load = [&] {
    const std::unique_ptr<Source> source = make_sql_source(settings);
    while (!over) {
      for (const bool exists : {true, false}) {
        const Presence p = ask(*source, exists ? "i.ivanov" : "nobody").presence;
        if (p == Presence::unavailable) {
          ++down;
        } else {
          ++((p == Presence::known) == exists ? right : wrong);
        }
      }
    }
  };
  const auto wait_for = [](const std::atomic<int>& count, int more) {
    for (const int until = count + more; count < until;)
      std::this_thread::yield();
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back(load);
  for (int round = 0; round < 2; ++round) {
    wait_for(right, 50);
    server.stop();
    wait_for(down, 20);
    server.start();
  }
  wait_for(right, 50);
  over = true;
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace postern::directories
