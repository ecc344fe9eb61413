"""The tables of the SQL engines and their migrations, in order. Number n brings a database from version n-1 to n.

Add a new migration at the end; never edit one that was released. {serial}, {text} and {compact} differ by dialect.
"""

from __future__ import annotations

from typing import Final

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        """CREATE TABLE tasks (
            ref {serial},
            owner {text} NOT NULL, tenant {text} NOT NULL, id {text} NOT NULL,
            kind {text} NOT NULL, context_id {text} NOT NULL, status {text} NOT NULL,
            version BIGINT NOT NULL, status_at DOUBLE PRECISION NOT NULL, updated_at DOUBLE PRECISION NOT NULL,
            expires_at DOUBLE PRECISION,
            place {text} NOT NULL, worker {text} NOT NULL, not_before DOUBLE PRECISION NOT NULL,
            attention INTEGER NOT NULL,
            body TEXT NOT NULL, input TEXT NOT NULL, snapshot TEXT NOT NULL,
            UNIQUE (owner, tenant, id))""",
        "CREATE INDEX tasks_listed ON tasks (owner, tenant, status_at, id)",
        "CREATE INDEX tasks_ready ON tasks (owner, not_before) WHERE place = 'ready'",
        "CREATE INDEX tasks_held ON tasks (worker) WHERE worker <> ''",
        "CREATE INDEX tasks_expiring ON tasks (expires_at) WHERE expires_at IS NOT NULL",
        "CREATE INDEX tasks_ended ON tasks (updated_at) WHERE place = 'done'",
        """CREATE TABLE events (
            ref BIGINT NOT NULL, version BIGINT NOT NULL, at DOUBLE PRECISION NOT NULL, payload TEXT NOT NULL,
            PRIMARY KEY (ref, version)){compact}""",
        """CREATE TABLE documents (
            ref BIGINT NOT NULL, collection {text} NOT NULL, key {text} NOT NULL, value TEXT NOT NULL,
            PRIMARY KEY (ref, collection, key)){compact}""",
        """CREATE TABLE steps (
            ref BIGINT NOT NULL, name {text} NOT NULL, value TEXT NOT NULL, PRIMARY KEY (ref, name)){compact}""",
        """CREATE TABLE idempotency (
            owner {text} NOT NULL, tenant {text} NOT NULL, key {text} NOT NULL,
            task_id {text} NOT NULL, fingerprint {text} NOT NULL, ref BIGINT NOT NULL,
            PRIMARY KEY (owner, tenant, key)){compact}""",
        "CREATE INDEX idempotency_of ON idempotency (ref)",
        """CREATE TABLE topic_ends (
            owner {text} NOT NULL, tenant {text} NOT NULL, topic {text} NOT NULL, seq BIGINT NOT NULL,
            PRIMARY KEY (owner, tenant, topic)){compact}""",
        """CREATE TABLE topics (
            owner {text} NOT NULL, tenant {text} NOT NULL, topic {text} NOT NULL, seq BIGINT NOT NULL,
            payload TEXT NOT NULL, PRIMARY KEY (owner, tenant, topic, seq)){compact}""",
        "CREATE TABLE workers (id {text} PRIMARY KEY, beat BIGINT NOT NULL, lease DOUBLE PRECISION NOT NULL)",
        """CREATE TABLE outbox (
            id {serial}, ref BIGINT NOT NULL, version BIGINT NOT NULL, channel {text} NOT NULL, key {text} NOT NULL,
            payload TEXT NOT NULL, attempt BIGINT NOT NULL, due DOUBLE PRECISION NOT NULL)""",
        "CREATE INDEX outbox_due ON outbox (channel, due)",
        "CREATE INDEX outbox_of ON outbox (ref, channel, key, id)",
    ),
)

SCHEMA_VERSION: Final = len(MIGRATIONS)

MARKER: Final = 0x57500F  # "WP" and a byte: SQLite's application_id of our files
