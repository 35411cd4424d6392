// SPDX-License-Identifier: Apache-2.0
#include "directories/sql_query.h"

#include "directories/sql_source.h"
#include "directories/sql_states.h"

#include <gmock/gmock.h>

namespace postern::directories {
namespace {

using ::testing::HasSubstr;

std::string fault(std::string_view query) {
  return find_query_fault(query).value_or("");
}

TEST(SqlQuery, TakesParametersInAnyOrder) {
  EXPECT_EQ(fault("SELECT 1 FROM m WHERE address = $1"), "");
  EXPECT_EQ(fault("select 1 from m where d=$3 and l=$2;"), "");
  EXPECT_EQ(read_query("SELECT $1").parameters, 1U);
  const SqlQuery some = read_query("SELECT 1 WHERE $3 = $1");
  EXPECT_EQ(some.parameters, 3U);
  EXPECT_FALSE(some.uses[1]) << "$2 has no type that the server could find out";
}

TEST(SqlQuery, SeesNoParameterInQuotesOrComments) {
  EXPECT_EQ(read_query("SELECT '$2' \"$2\" $x$ $2 $x$ /* $2 /* */ $2 */ a$2 E'\\'$2' = $1 -- $3")
                .parameters,
            1U);
  EXPECT_THAT(fault("SELECT 1 WHERE a = '$1'"), HasSubstr("in quotes"));
  EXPECT_THAT(fault("SELECT 1 -- $1"), HasSubstr("does not ask for the address"));
}

TEST(SqlQuery, TellsWhatToWriteInstead) {
  EXPECT_THAT(fault("  "), HasSubstr("empty"));
  EXPECT_THAT(fault("SELECT 1"), HasSubstr("WHERE address = $1"));
  EXPECT_THAT(fault("SELECT 1 WHERE a = '{address}'"), HasSubstr("wants $1"));
  EXPECT_THAT(fault("SELECT 1 WHERE a = {address}"), HasSubstr("wants $1"));
  EXPECT_THAT(fault("SELECT $1, $4"), HasSubstr("none of $1, $2, $3"));
  EXPECT_THAT(fault("SELECT $1, $0"), HasSubstr("none of $1, $2, $3"));
  EXPECT_THAT(fault("SELECT $1; DROP TABLE m"), HasSubstr("more than one statement"));
  EXPECT_THAT(fault("SELECT $1 || 'x"), HasSubstr("not closed"));
  EXPECT_THAT(fault("SELECT $1 /* x"), HasSubstr("not closed"));
  EXPECT_THAT(fault("SELECT $1 $$ x"), HasSubstr("not closed"));
}

TEST(SqlConnectionString, IsCheckedByLibpqAndHostByHost) {
  const auto why = [](const std::string& text) { return find_connection_fault(text).value_or(""); };
  EXPECT_EQ(why("postgresql://postern@a,b:5433/db?sslmode=verify-full"), "");
  EXPECT_EQ(why("host=a,b port=5432 dbname=db"), "");
  EXPECT_EQ(why(""), "") << "libpq's defaults";
  EXPECT_THAT(why("hots=a"), HasSubstr("hots"));
  EXPECT_THAT(why("postgresql://[::1/db"), HasSubstr("write postgresql://"));
  EXPECT_THAT(why("host=a,b port=1,2,3"), HasSubstr("same number of hosts"));
}

TEST(SqlStates, ToldApartByClassAndByThemselves) {
  EXPECT_EQ(sql_state_text("57P01"), "the server is shutting down");
  EXPECT_EQ(sql_state_text("42P01"), "the query is wrong");
  EXPECT_EQ(sql_state_text("42501"), "the account may not read this");
  EXPECT_EQ(sql_state_text("ZZ999"), "");
  EXPECT_TRUE(wants_new_connection("57P01"));
  EXPECT_TRUE(wants_new_connection("26000"));
  EXPECT_FALSE(wants_new_connection("57014"));
  EXPECT_FALSE(wants_new_connection(""));
}

}  // namespace
}  // namespace postern::directories
