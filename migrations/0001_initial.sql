-- One row an entry; `entry` is its canonical JSON (RFC 8785). `position` is the order of writing over all chains.
CREATE TABLE journal (
  position INTEGER PRIMARY KEY,
  tx TEXT NOT NULL,
  seq INTEGER NOT NULL CHECK (seq >= 1),
  entry TEXT NOT NULL CHECK (length(CAST(entry AS BLOB)) <= 65535),
  UNIQUE (tx, seq)
) STRICT;

-- Views that projectors fold from the journal, and records of their own. `version` never repeats, not even for a key that was deleted.
CREATE TABLE document (
  collection TEXT NOT NULL,
  key TEXT NOT NULL,
  version INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (collection, key)
) STRICT, WITHOUT ROWID;

-- Large payloads by the digest of their canonical JSON; Secret values were cut out before.
CREATE TABLE blob (
  digest TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

-- Secret values, AES-256-GCM under the data key; the reference is authenticated with the value.
CREATE TABLE secret (
  reference TEXT PRIMARY KEY,
  sealed BLOB NOT NULL
) STRICT;

-- Facts about this state as a whole: epoch, data key (wrapped by the master key), last document version, observe-only.
CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
