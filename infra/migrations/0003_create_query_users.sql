-- Who searched for what and when last (days since 1970-01-01 UTC), by pseudonym: a query is suggested to others only once several
-- shoppers searched for it, because what one shopper typed may be personal.
CREATE TABLE query_users (
  query TEXT    NOT NULL,
  user  TEXT    NOT NULL,
  day   INTEGER NOT NULL,
  PRIMARY KEY (query, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX query_users_by_day ON query_users (day);
