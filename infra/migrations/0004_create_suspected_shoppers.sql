-- Shoppers that are no people, by pseudonym: until when nothing of theirs is counted (Unix milliseconds). Written where events are
-- counted (too fast for a hand) and from the worker's judgement of the log.
CREATE TABLE suspected_shoppers (
  user     TEXT    PRIMARY KEY,
  until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A shopper's events by time; in place of an index that nothing reads.
DROP INDEX events_seen_by_time;
CREATE INDEX events_seen_by_user ON events_seen (user, time_ms);

-- The mirror of events_seen_counted: deleting an event takes back what it had counted. Pairs across the purchases of a session are
-- taken back with the first of the two that goes, as they were counted with the second that came. Rows that fall to 0 stay: every reader asks for more.
CREATE TRIGGER events_seen_uncounted AFTER DELETE ON events_seen BEGIN
  UPDATE item_counts SET count = count - 1
    WHERE kind = OLD.kind AND day = OLD.time_ms / 86400000 AND number IN (SELECT value FROM json_each(OLD.items));
  INSERT INTO pair_counts (first, second, count)
    SELECT min(a.value, b.value), max(a.value, b.value), -1
    FROM json_each(OLD.items) a, (
      SELECT value, 1 AS own FROM json_each(OLD.items)
      UNION ALL
      SELECT e.value, 0 FROM events_seen s, json_each(s.items) e
        WHERE OLD.session IS NOT NULL AND s.user = OLD.user AND s.session = OLD.session
          AND s.kind = 'purchase' AND s.event_id <> OLD.event_id
    ) b
    WHERE OLD.kind = 'purchase' AND ((b.own = 1 AND a.value < b.value) OR (b.own = 0 AND a.value <> b.value))
    ON CONFLICT DO UPDATE SET count = count - 1;
END;
