-- Both engines read this file, so it holds only what they share. Times are microseconds
-- since 1970 UTC, money is millionths of a US dollar, flags are 0 or 1.
--
-- While an update rolls out, programs of the version before write to the tables of this one.
-- So a migration only adds: a column has a DEFAULT, and nothing is dropped, renamed, or made
-- stricter before no program that uses it can run any more.

-- +goose Up
CREATE TABLE requests (
    id             text     NOT NULL PRIMARY KEY,
    time           bigint   NOT NULL,
    request_id     text     NOT NULL,
    team           text     NOT NULL,
    key            text     NOT NULL,
    endpoint       text     NOT NULL,
    model          text     NOT NULL,
    asked          text     NOT NULL,
    served         text     NOT NULL,
    publisher      text     NOT NULL,
    location       text     NOT NULL,
    attempts       bigint   NOT NULL,
    provisioned    smallint NOT NULL,
    status         bigint   NOT NULL,
    ended          text     NOT NULL,
    stream         smallint NOT NULL,
    input          bigint   NOT NULL,
    output         bigint   NOT NULL,
    cache_read     bigint   NOT NULL,
    cache_write_5m bigint   NOT NULL,
    cache_write_1h bigint   NOT NULL,
    reasoning      bigint   NOT NULL,
    web_searches   bigint   NOT NULL,
    pages          bigint   NOT NULL,
    cost           bigint   NOT NULL,
    saved          bigint   NOT NULL,
    unpriced       smallint NOT NULL,
    estimated      smallint NOT NULL,
    first_token    bigint   NOT NULL,
    duration       bigint   NOT NULL
);

CREATE INDEX requests_time ON requests (time);

CREATE INDEX requests_team_time ON requests (team, time);

-- The sums of requests, by the hour in which they arrived.
CREATE TABLE hourly (
    hour           bigint NOT NULL,
    team           text   NOT NULL,
    key            text   NOT NULL,
    model          text   NOT NULL,
    served         text   NOT NULL,
    publisher      text   NOT NULL,
    location       text   NOT NULL,
    requests       bigint NOT NULL,
    failed         bigint NOT NULL,
    input          bigint NOT NULL,
    output         bigint NOT NULL,
    cache_read     bigint NOT NULL,
    cache_write_5m bigint NOT NULL,
    cache_write_1h bigint NOT NULL,
    reasoning      bigint NOT NULL,
    web_searches   bigint NOT NULL,
    pages          bigint NOT NULL,
    cost           bigint NOT NULL,
    saved          bigint NOT NULL,
    unpriced       bigint NOT NULL,
    estimated      bigint NOT NULL,
    PRIMARY KEY (hour, team, key, model, served, publisher, location)
);

-- Budgets begin with the sums of one team.
CREATE INDEX hourly_team_hour ON hourly (team, hour);

-- +goose Down
DROP TABLE hourly;

DROP TABLE requests;
