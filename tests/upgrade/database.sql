--
-- PostgreSQL database dump
--

\restrict DO9NF6Uwv8X9mp2RuRcoGLbpS7hHebljgAjxO3Xrk6y5alj9vvLw37qyFgOd5dH

-- Dumped from database version 18.4
-- Dumped by pg_dump version 18.4

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: auth; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA auth;


--
-- Name: elo; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA elo;


--
-- Name: experiments; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA experiments;


--
-- Name: scoring; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA scoring;


--
-- Name: outbox_notify(); Type: FUNCTION; Schema: auth; Owner: -
--

CREATE FUNCTION auth.outbox_notify() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN PERFORM pg_notify('auth_outbox', ''); RETURN NULL; END $$;


--
-- Name: outbox_notify(); Type: FUNCTION; Schema: elo; Owner: -
--

CREATE FUNCTION elo.outbox_notify() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN PERFORM pg_notify('elo_outbox', ''); RETURN NULL; END $$;


--
-- Name: listening_vote_states_stay(); Type: FUNCTION; Schema: experiments; Owner: -
--

CREATE FUNCTION experiments.listening_vote_states_stay() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'states of votes are not changed, only added'; END $$;


--
-- Name: listening_votes_stay(); Type: FUNCTION; Schema: experiments; Owner: -
--

CREATE FUNCTION experiments.listening_votes_stay() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'votes are not changed'; END $$;


--
-- Name: outbox_notify(); Type: FUNCTION; Schema: experiments; Owner: -
--

CREATE FUNCTION experiments.outbox_notify() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN PERFORM pg_notify('experiments_outbox', ''); RETURN NULL; END $$;


--
-- Name: trial_moves(); Type: FUNCTION; Schema: experiments; Owner: -
--

CREATE FUNCTION experiments.trial_moves() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN NEW.moved_in := pg_current_xact_id()::text::bigint; RETURN NEW; END $$;


--
-- Name: outbox_notify(); Type: FUNCTION; Schema: scoring; Owner: -
--

CREATE FUNCTION scoring.outbox_notify() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN PERFORM pg_notify('scoring_outbox', ''); RETURN NULL; END $$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: address_counts; Type: TABLE; Schema: auth; Owner: -
--

CREATE TABLE auth.address_counts (
    what text NOT NULL,
    address bytea NOT NULL,
    hour timestamp with time zone NOT NULL,
    count integer NOT NULL
);


--
-- Name: alembic_version; Type: TABLE; Schema: auth; Owner: -
--

CREATE TABLE auth.alembic_version (
    version_num character varying(32) NOT NULL
);


--
-- Name: api_keys; Type: TABLE; Schema: auth; Owner: -
--

CREATE TABLE auth.api_keys (
    id text NOT NULL,
    developer_id text NOT NULL,
    name text NOT NULL,
    prefix text NOT NULL,
    key_hash bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    scopes text[] NOT NULL,
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    replaced_by text DEFAULT ''::text NOT NULL,
    request_id text,
    request_fingerprint bytea
);


--
-- Name: developers; Type: TABLE; Schema: auth; Owner: -
--

CREATE TABLE auth.developers (
    id text NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    registration bytea,
    registration_fingerprint bytea
);


--
-- Name: outbox; Type: TABLE; Schema: auth; Owner: -
--

CREATE TABLE auth.outbox (
    id text NOT NULL,
    seq bigint NOT NULL,
    subject text NOT NULL,
    envelope bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    published_at timestamp with time zone
);


--
-- Name: outbox_seq_seq; Type: SEQUENCE; Schema: auth; Owner: -
--

ALTER TABLE auth.outbox ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME auth.outbox_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: processed_events; Type: TABLE; Schema: auth; Owner: -
--

CREATE TABLE auth.processed_events (
    consumer text NOT NULL,
    event_id text NOT NULL,
    processed_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: signing_keys; Type: TABLE; Schema: auth; Owner: -
--

CREATE TABLE auth.signing_keys (
    id text NOT NULL,
    public_key bytea NOT NULL,
    used_until timestamp with time zone NOT NULL
);


--
-- Name: alembic_version; Type: TABLE; Schema: elo; Owner: -
--

CREATE TABLE elo.alembic_version (
    version_num character varying(32) NOT NULL
);


--
-- Name: known_voices; Type: TABLE; Schema: elo; Owner: -
--

CREATE TABLE elo.known_voices (
    provider text NOT NULL,
    voice_id text NOT NULL
);


--
-- Name: outbox; Type: TABLE; Schema: elo; Owner: -
--

CREATE TABLE elo.outbox (
    id text NOT NULL,
    seq bigint NOT NULL,
    subject text NOT NULL,
    envelope bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    published_at timestamp with time zone
);


--
-- Name: outbox_seq_seq; Type: SEQUENCE; Schema: elo; Owner: -
--

ALTER TABLE elo.outbox ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME elo.outbox_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: processed_events; Type: TABLE; Schema: elo; Owner: -
--

CREATE TABLE elo.processed_events (
    consumer text NOT NULL,
    event_id text NOT NULL,
    processed_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: providers; Type: TABLE; Schema: elo; Owner: -
--

CREATE TABLE elo.providers (
    id text NOT NULL,
    told_at timestamp with time zone NOT NULL,
    unavailable_reason text NOT NULL,
    parameters text[] NOT NULL,
    max_text_characters integer DEFAULT 0 NOT NULL,
    text_limits jsonb DEFAULT '[]'::jsonb NOT NULL
);


--
-- Name: voice_models; Type: TABLE; Schema: elo; Owner: -
--

CREATE TABLE elo.voice_models (
    id text NOT NULL,
    seq bigint NOT NULL,
    developer_id text NOT NULL,
    request_id text,
    name text NOT NULL,
    provider text NOT NULL,
    version text NOT NULL,
    voice_id text NOT NULL,
    model_id text NOT NULL,
    parameters jsonb NOT NULL,
    rating double precision NOT NULL,
    active boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    request_fingerprint bytea
);


--
-- Name: voice_models_seq_seq; Type: SEQUENCE; Schema: elo; Owner: -
--

ALTER TABLE elo.voice_models ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME elo.voice_models_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: alembic_version; Type: TABLE; Schema: experiments; Owner: -
--

CREATE TABLE experiments.alembic_version (
    version_num character varying(32) NOT NULL
);


--
-- Name: experiments; Type: TABLE; Schema: experiments; Owner: -
--

CREATE TABLE experiments.experiments (
    id text NOT NULL,
    developer_id text NOT NULL,
    request_id text,
    name text NOT NULL,
    scenario text NOT NULL,
    eval_mode text NOT NULL,
    status text NOT NULL,
    models jsonb NOT NULL,
    prompts jsonb NOT NULL,
    webhook_url text NOT NULL,
    primary_metric text NOT NULL,
    total_trials integer NOT NULL,
    completed_trials integer NOT NULL,
    failed_trials integer NOT NULL,
    error_message text NOT NULL,
    results jsonb,
    created_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    progressed_at timestamp with time zone,
    ended_at timestamp with time zone,
    composite jsonb NOT NULL,
    repeats integer NOT NULL,
    seed bigint NOT NULL,
    votes_per_pair integer NOT NULL,
    listening_days integer NOT NULL,
    listening_until timestamp with time zone,
    audio_retention_days integer NOT NULL,
    audio_deleted_at timestamp with time zone,
    cloned_from text NOT NULL,
    traceparent text NOT NULL,
    votes_received integer NOT NULL,
    votes_needed integer NOT NULL,
    request_fingerprint bytea
);


--
-- Name: listening_assignments; Type: TABLE; Schema: experiments; Owner: -
--

CREATE TABLE experiments.listening_assignments (
    id text NOT NULL,
    experiment_id text NOT NULL,
    listener_id text NOT NULL,
    link_id text NOT NULL,
    prompt_index integer NOT NULL,
    first integer NOT NULL,
    second integer NOT NULL,
    first_trial text NOT NULL,
    second_trial text NOT NULL,
    swapped boolean NOT NULL,
    drawn_from integer NOT NULL,
    target_lufs double precision NOT NULL,
    clip_a text NOT NULL,
    clip_b text NOT NULL,
    a_seconds double precision NOT NULL,
    b_seconds double precision NOT NULL,
    shown_at timestamp with time zone NOT NULL,
    a_sent_at timestamp with time zone,
    b_sent_at timestamp with time zone,
    a_sent int4multirange DEFAULT '{}'::int4multirange NOT NULL,
    b_sent int4multirange DEFAULT '{}'::int4multirange NOT NULL
);


--
-- Name: listening_links; Type: TABLE; Schema: experiments; Owner: -
--

CREATE TABLE experiments.listening_links (
    id text NOT NULL,
    experiment_id text NOT NULL,
    developer_id text NOT NULL,
    request_id text,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    listeners integer NOT NULL,
    votes integer NOT NULL,
    request_fingerprint bytea,
    max_listeners_per_address integer NOT NULL,
    excluded_votes integer NOT NULL
);


--
-- Name: listening_listeners; Type: TABLE; Schema: experiments; Owner: -
--

CREATE TABLE experiments.listening_listeners (
    id text NOT NULL,
    link_id text NOT NULL,
    experiment_id text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    voter_id text,
    address bytea
);


--
-- Name: listening_pairs; Type: TABLE; Schema: experiments; Owner: -
--

CREATE TABLE experiments.listening_pairs (
    experiment_id text NOT NULL,
    prompt_index integer NOT NULL,
    first integer NOT NULL,
    second integer NOT NULL,
    first_trials text[] NOT NULL,
    second_trials text[] NOT NULL,
    target_lufs double precision NOT NULL,
    votes integer NOT NULL
);


--
-- Name: listening_vote_states; Type: TABLE; Schema: experiments; Owner: -
--

CREATE TABLE experiments.listening_vote_states (
    seq bigint NOT NULL,
    assignment_id text NOT NULL,
    state text NOT NULL,
    reason text NOT NULL,
    judged_at timestamp with time zone NOT NULL,
    CONSTRAINT listening_vote_states_reason CHECK (((state = 'excluded'::text) = (reason <> ''::text))),
    CONSTRAINT listening_vote_states_state CHECK ((state = ANY (ARRAY['counted'::text, 'excluded'::text, 'unknown'::text])))
);


--
-- Name: listening_vote_states_seq_seq; Type: SEQUENCE; Schema: experiments; Owner: -
--

ALTER TABLE experiments.listening_vote_states ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME experiments.listening_vote_states_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: listening_votes; Type: TABLE; Schema: experiments; Owner: -
--

CREATE TABLE experiments.listening_votes (
    assignment_id text NOT NULL,
    seq bigint NOT NULL,
    experiment_id text NOT NULL,
    listener_id text NOT NULL,
    prompt_index integer NOT NULL,
    first integer NOT NULL,
    second integer NOT NULL,
    swapped boolean NOT NULL,
    answer text NOT NULL,
    cast_at timestamp with time zone NOT NULL,
    address bytea
);


--
-- Name: listening_votes_seq_seq; Type: SEQUENCE; Schema: experiments; Owner: -
--

ALTER TABLE experiments.listening_votes ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME experiments.listening_votes_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: outbox; Type: TABLE; Schema: experiments; Owner: -
--

CREATE TABLE experiments.outbox (
    id text NOT NULL,
    seq bigint NOT NULL,
    subject text NOT NULL,
    envelope bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    published_at timestamp with time zone
);


--
-- Name: outbox_seq_seq; Type: SEQUENCE; Schema: experiments; Owner: -
--

ALTER TABLE experiments.outbox ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME experiments.outbox_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: processed_events; Type: TABLE; Schema: experiments; Owner: -
--

CREATE TABLE experiments.processed_events (
    consumer text NOT NULL,
    event_id text NOT NULL,
    processed_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: providers; Type: TABLE; Schema: experiments; Owner: -
--

CREATE TABLE experiments.providers (
    id text NOT NULL,
    max_concurrency integer NOT NULL,
    local boolean NOT NULL,
    updated_at timestamp with time zone NOT NULL
);


--
-- Name: trials; Type: TABLE; Schema: experiments; Owner: -
--

CREATE TABLE experiments.trials (
    id text NOT NULL,
    experiment_id text NOT NULL,
    prompt_index integer NOT NULL,
    model_index integer NOT NULL,
    prompt_text text NOT NULL,
    provider text NOT NULL,
    voice_id text NOT NULL,
    model_id text NOT NULL,
    speed double precision,
    status text NOT NULL,
    attempts integer NOT NULL,
    requested_at timestamp with time zone,
    audio_name text,
    error_message text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    duration_seconds double precision,
    ttfb_ms double precision,
    generation_time_ms double precision,
    ttfa_ms double precision,
    leading_silence_ms double precision,
    real_time_factor double precision,
    connect_ms double precision,
    connection_reused boolean,
    transport text,
    sample_rate_hz integer,
    region text,
    silence_ratio double precision,
    trailing_silence_ms double precision,
    peak double precision,
    clipping_ratio double precision,
    loudness_lufs double precision,
    dc_offset double precision,
    repeat_index integer NOT NULL,
    "position" integer NOT NULL,
    language text,
    seed bigint,
    provider_requests integer NOT NULL,
    error_kind text NOT NULL,
    audio_deleted_at timestamp with time zone,
    released_at timestamp with time zone,
    naturalness_mos double precision,
    word_error_rate double precision,
    prosody_score double precision,
    attempts_before integer NOT NULL,
    moved_in bigint DEFAULT '0'::bigint NOT NULL
);


--
-- Name: webhook_attempts; Type: TABLE; Schema: experiments; Owner: -
--

CREATE TABLE experiments.webhook_attempts (
    id bigint NOT NULL,
    delivery_id text NOT NULL,
    attempted_at timestamp with time zone NOT NULL,
    response_status integer,
    error text NOT NULL,
    duration_ms double precision NOT NULL,
    by_hand boolean NOT NULL
);


--
-- Name: webhook_attempts_id_seq; Type: SEQUENCE; Schema: experiments; Owner: -
--

ALTER TABLE experiments.webhook_attempts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME experiments.webhook_attempts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: webhook_deliveries; Type: TABLE; Schema: experiments; Owner: -
--

CREATE TABLE experiments.webhook_deliveries (
    id text NOT NULL,
    experiment_id text NOT NULL,
    endpoint_id text NOT NULL,
    type text NOT NULL,
    body bytea NOT NULL,
    status text NOT NULL,
    attempts_made integer NOT NULL,
    next_attempt_at timestamp with time zone,
    asked_at timestamp with time zone,
    due_at timestamp with time zone GENERATED ALWAYS AS (COALESCE(asked_at, next_attempt_at)) STORED,
    lease text,
    leased_until timestamp with time zone,
    error_message text NOT NULL,
    traceparent text NOT NULL,
    created_at timestamp with time zone NOT NULL
);


--
-- Name: webhook_endpoints; Type: TABLE; Schema: experiments; Owner: -
--

CREATE TABLE experiments.webhook_endpoints (
    id text NOT NULL,
    developer_id text NOT NULL,
    url text NOT NULL,
    request_id text,
    untold_experiment_id text,
    disabled_reason text NOT NULL,
    secret bytea NOT NULL,
    old_secret bytea,
    old_secret_expires_at timestamp with time zone,
    secret_rotated_at timestamp with time zone,
    paused_until timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    request_fingerprint bytea
);


--
-- Name: alembic_version; Type: TABLE; Schema: scoring; Owner: -
--

CREATE TABLE scoring.alembic_version (
    version_num character varying(32) NOT NULL
);


--
-- Name: evaluations; Type: TABLE; Schema: scoring; Owner: -
--

CREATE TABLE scoring.evaluations (
    id text NOT NULL,
    attempt integer NOT NULL,
    developer_id text NOT NULL,
    audio_name text NOT NULL,
    status text NOT NULL,
    signal_metrics jsonb,
    error_message text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    completed_at timestamp with time zone,
    CONSTRAINT evaluations_ended CHECK (((status = 'running'::text) = (completed_at IS NULL))),
    CONSTRAINT evaluations_measured CHECK (((status = 'completed'::text) = (signal_metrics IS NOT NULL))),
    CONSTRAINT evaluations_status CHECK ((status = ANY (ARRAY['running'::text, 'completed'::text, 'failed'::text])))
);


--
-- Name: outbox; Type: TABLE; Schema: scoring; Owner: -
--

CREATE TABLE scoring.outbox (
    id text NOT NULL,
    seq bigint NOT NULL,
    subject text NOT NULL,
    envelope bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    published_at timestamp with time zone
);


--
-- Name: outbox_seq_seq; Type: SEQUENCE; Schema: scoring; Owner: -
--

ALTER TABLE scoring.outbox ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME scoring.outbox_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: processed_events; Type: TABLE; Schema: scoring; Owner: -
--

CREATE TABLE scoring.processed_events (
    consumer text NOT NULL,
    event_id text NOT NULL,
    processed_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Data for Name: address_counts; Type: TABLE DATA; Schema: auth; Owner: -
--

COPY auth.address_counts (what, address, hour, count) FROM stdin;
registrations	\\xaf3397f290c4975bb8463edb9a6be55a	2026-11-26 12:00:00+00	1
voter sessions	\\xbf9216f0ea036379fb7b3411cf6a5842	2026-11-26 12:00:00+00	5
\.


--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: auth; Owner: -
--

COPY auth.alembic_version (version_num) FROM stdin;
0004
\.


--
-- Data for Name: api_keys; Type: TABLE DATA; Schema: auth; Owner: -
--

COPY auth.api_keys (id, developer_id, name, prefix, key_hash, created_at, revoked_at, scopes, expires_at, last_used_at, replaced_by, request_id, request_fingerprint) FROM stdin;
key_01a217c2c331cc7b8d47e833f85103dc	dev_01a217c2c33163170c5c7204dc5adaa1	first key	kc_mF7mqexv	\\xafbcd920ee86392f259804a3c087b9c1008dca681077024289c950f8482f1431	2026-11-26 12:09:29.649928+00	\N	{experiments:read,experiments:write,models:read,models:write,speech,evaluations:read,webhooks,keys}	\N	\N		\N	\N
key_01a217c2fa62b275f6d4ba55f339d5fc	dev_01a217c2c33163170c5c7204dc5adaa1	limited	kc_0kiBAzcY	\\x3c724c9d61a2bc9903b136a2c26a5f10d604b2c106e021f4104cf226c5778f74	2026-11-26 12:09:43.778185+00	\N	{experiments:read}	\N	\N		\N	\N
key_01a217c2fa75e7a7d879399f5cc64175	dev_01a217c2c33163170c5c7204dc5adaa1	revoked	kc_DADe6Hy6	\\x0920d5f54b2faf4f79c2095b4ef3bbcbf33741e0db877a88ab1753072e04868c	2026-11-26 12:09:43.797354+00	2026-11-26 12:09:43.806256+00	{experiments:read}	\N	\N		\N	\N
\.


--
-- Data for Name: developers; Type: TABLE DATA; Schema: auth; Owner: -
--

COPY auth.developers (id, name, email, created_at, registration, registration_fingerprint) FROM stdin;
dev_01a217c2c33163170c5c7204dc5adaa1	Ada	ada-d49e49d26910@example.com	2026-11-26 12:09:29.64986+00	\N	\N
\.


--
-- Data for Name: outbox; Type: TABLE DATA; Schema: auth; Owner: -
--

COPY auth.outbox (id, seq, subject, envelope, created_at, published_at) FROM stdin;
\.


--
-- Data for Name: processed_events; Type: TABLE DATA; Schema: auth; Owner: -
--

COPY auth.processed_events (consumer, event_id, processed_at) FROM stdin;
\.


--
-- Data for Name: signing_keys; Type: TABLE DATA; Schema: auth; Owner: -
--

COPY auth.signing_keys (id, public_key, used_until) FROM stdin;
sig_01a217c2ba4c77469b8da25797f36ae9	\\x79d8af540f63483f724b2a0b6aa720687bae0d21f64447d5523ed531d49cc7a3	2026-11-27 12:09:27.372835+00
\.


--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: elo; Owner: -
--

COPY elo.alembic_version (version_num) FROM stdin;
0004
\.


--
-- Data for Name: known_voices; Type: TABLE DATA; Schema: elo; Owner: -
--

COPY elo.known_voices (provider, voice_id) FROM stdin;
espeak	en-us
espeak	en-gb
espeak	en-us+f2
espeak	en-us+f3
espeak	en-us+iven
espeak	en-us+Denis
espeak	en-us+robosoft8
espeak	en-us+klatt2
espeak	en-us+klatt4
espeak	en-us+whisper
espeak	en-us+croak
espeak	en-us+Andy
espeak	en-us+announcer
espeak	en-us+steph
espeak	en-us+m3
espeak	en-us+grandpa
espeak	en-gb+f2
espeak	en-gb+f3
espeak	en-gb+iven
espeak	en-gb+Denis
espeak	en-gb+robosoft8
espeak	en-gb+klatt2
espeak	en-gb+klatt4
espeak	en-gb+whisper
espeak	en-gb+croak
espeak	en-gb+Andy
espeak	en-gb+announcer
espeak	en-gb+steph
espeak	en-gb+m3
espeak	en-gb+grandpa
espeak	af
espeak	am
espeak	an
espeak	ar
espeak	as
espeak	az
espeak	ba
espeak	be
espeak	bg
espeak	bn
espeak	bpy
espeak	bs
espeak	ca
espeak	ca-ba
espeak	ca-nw
espeak	ca-va
espeak	chr-US-Qaaa-x-west
espeak	cmn
espeak	cmn-latn-pinyin
espeak	cs
espeak	cv
espeak	cy
espeak	da
espeak	de
espeak	el
espeak	en
espeak	en-029
espeak	en-gb-x-gbcwmd
espeak	en-shaw
espeak	en-us-nyc
espeak	eo
espeak	es
espeak	es-419
espeak	et
espeak	eu
espeak	fa
espeak	fa-latn
espeak	fi
espeak	fo
espeak	fr-be
espeak	fr-ch
espeak	fr-fr
espeak	ga
espeak	gd
espeak	gn
espeak	grc
espeak	gu
espeak	hak
espeak	haw
espeak	he
espeak	hi
espeak	hr
espeak	ht
espeak	hu
espeak	hy
espeak	hyw
espeak	ia
espeak	id
espeak	io
espeak	is
espeak	it
espeak	ja
espeak	jbo
espeak	ka
espeak	kaa
espeak	kk
espeak	kl
espeak	kn
espeak	ko
espeak	kok
espeak	ku
espeak	ky
espeak	la
espeak	lb
espeak	lfn
espeak	lt
espeak	ltg
espeak	lv
espeak	mi
espeak	mk
espeak	ml
espeak	mr
espeak	ms
espeak	mt
espeak	mto
espeak	my
espeak	nb
espeak	nci
espeak	ne
espeak	nl
espeak	nog
espeak	om
espeak	or
espeak	pa
espeak	pap
espeak	piqd
espeak	pl
espeak	pt
espeak	pt-br
espeak	py
espeak	qdb
espeak	qu
espeak	quc
espeak	qya
espeak	ro
espeak	ru
espeak	ru-cl
espeak	ru-lv
espeak	sd
espeak	shn
espeak	si
espeak	sjn
espeak	sk
espeak	sl
espeak	smj
espeak	sq
espeak	sr
espeak	sv
espeak	sw
espeak	ta
espeak	te
espeak	th
espeak	ti
espeak	tk
espeak	tn
espeak	tr
espeak	tt
espeak	ug
espeak	uk
espeak	ur
espeak	uz
espeak	vi
espeak	vi-vn-x-central
espeak	vi-vn-x-south
espeak	xex
espeak	yue
holding	held
mending	lost
standin	calm
standin	bright
\.


--
-- Data for Name: outbox; Type: TABLE DATA; Schema: elo; Owner: -
--

COPY elo.outbox (id, seq, subject, envelope, created_at, published_at) FROM stdin;
\.


--
-- Data for Name: processed_events; Type: TABLE DATA; Schema: elo; Owner: -
--

COPY elo.processed_events (consumer, event_id, processed_at) FROM stdin;
elo	evt_4b49a6b9b65586e9e0031fe9cfd88281	2026-11-26 12:09:28.177615+00
elo	evt_4cdcc6f57a807070ddddf066e36ab938	2026-11-26 12:09:28.201526+00
elo	evt_0de8d800dd828b8216729d51dbc09ff3	2026-11-26 12:09:28.252528+00
elo	evt_bdeb4aa9ff53968d108e3abfb2182101	2026-11-26 12:09:28.235912+00
elo	evt_8bfb1aa8667b7016a2014a03ffab681f	2026-11-26 12:09:28.319121+00
elo	evt_430df0cbee3562c3c663914a18af5a9d	2026-11-26 12:09:28.33668+00
elo	evt_95f7c1dfe414844248064c058cf9ed50	2026-11-26 12:09:28.435325+00
elo	evt_7be7117b781b6be043a42986989ac2fd	2026-11-26 12:09:28.522523+00
elo	evt_8a7f05e9595300755b2c5e0d1aa5c39c	2026-11-26 12:09:28.558091+00
elo	evt_49b6ff6a2645f3807b3ec2848a2bc91c	2026-11-26 12:09:28.575387+00
\.


--
-- Data for Name: providers; Type: TABLE DATA; Schema: elo; Owner: -
--

COPY elo.providers (id, told_at, unavailable_reason, parameters, max_text_characters, text_limits) FROM stdin;
cartesia	2026-11-26 12:09:28.172112+00	set CARTESIA_API_KEY	{speed,language}	5000	[]
deepgram	2026-11-26 12:09:28.188827+00	set DEEPGRAM_API_KEY	{speed}	2000	[]
espeak	2026-11-26 12:09:28.248574+00		{speed}	5000	[]
elevenlabs	2026-11-26 12:09:28.206804+00	set ELEVENLABS_API_KEY	{speed,language,seed}	40000	[["eleven_v3", 3000], ["eleven_multilingual", 10000], ["eleven_monolingual", 10000], ["eleven_flash_v2_5", 40000], ["eleven_turbo_v2_5", 40000], ["", 30000]]
flite	2026-11-26 12:09:28.261118+00	there is no program flite on the PATH; Debian and Ubuntu have it as package flite	{speed}	5000	[]
holding	2026-11-26 12:09:28.26391+00		{speed}	4096	[]
mending	2026-11-26 12:09:28.266198+00		{speed}	4096	[]
openai	2026-11-26 12:09:28.26806+00	set OPENAI_API_KEY, or OPENAI_BASE_URL for a server that needs none	{speed}	4096	[]
smallestai	2026-11-26 12:09:28.269926+00	set SMALLESTAI_API_KEY	{speed,language}	5000	[]
standin	2026-11-26 12:09:28.270771+00		{speed}	4096	[]
\.


--
-- Data for Name: voice_models; Type: TABLE DATA; Schema: elo; Owner: -
--

COPY elo.voice_models (id, seq, developer_id, request_id, name, provider, version, voice_id, model_id, parameters, rating, active, created_at, updated_at, request_fingerprint) FROM stdin;
mdl_01a217c2bdf92bd414b4c9b32534a762	1		\N	eSpeak NG English (America)	espeak		en-us		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bdfe23efb6b4cadf178f4a0a	2		\N	eSpeak NG English (Great Britain)	espeak		en-gb		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2be0f59ff1eba445d8ce08bf4	3		\N	eSpeak NG English (America), female	espeak		en-us+f2		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2be1afdb52f3b7d9dfb4e2a6f	4		\N	eSpeak NG English (America), young female	espeak		en-us+f3		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2be28296aaa29943d41175c63	5		\N	eSpeak NG English (America), Iven	espeak		en-us+iven		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2be287b854bd2bfce85d29404	6		\N	holding Held	holding		held	tts-1	{}	1500	t	2026-11-26 12:09:28.326677+00	2026-11-26 12:09:28.326677+00	\N
mdl_01a217c2be3be1f67c3fe9a6c689fb56	7		\N	eSpeak NG English (America), Denis	espeak		en-us+Denis		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2be4f2d58172193cb72de1c59	8		\N	eSpeak NG English (America), robot	espeak		en-us+robosoft8		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2be58365ee471fc9b9a6f8f95	9		\N	eSpeak NG English (America), soft Klatt formants	espeak		en-us+klatt2		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2be67e08aaa3dc9fc212d60f5	10		\N	eSpeak NG English (America), Klatt formants	espeak		en-us+klatt4		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2be71d350ba3532978c8ddf75	11		\N	eSpeak NG English (America), whispering	espeak		en-us+whisper		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2be7bf008df10c8f268edf42a	12		\N	eSpeak NG English (America), creaking	espeak		en-us+croak		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2be8dde20cae38946dba868a5	13		\N	eSpeak NG English (America), Andy	espeak		en-us+Andy		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2be90236a3f162095323935c8	14		\N	mending Lost	mending		lost	tts-1	{}	1500	t	2026-11-26 12:09:28.414732+00	2026-11-26 12:09:28.414732+00	\N
mdl_01a217c2be91af968f6c2f59228503a7	15		\N	eSpeak NG English (America), announcer	espeak		en-us+announcer		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2be9c5c45be6796cd2bfe047f	16		\N	eSpeak NG English (America), Steph	espeak		en-us+steph		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2beaaa73fe014b2b842c74425	17		\N	eSpeak NG English (America), deep male	espeak		en-us+m3		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2beb68c8916a147865496213f	18		\N	eSpeak NG English (America), old male	espeak		en-us+grandpa		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bebd99c50ffe16de7e51f25b	19		\N	eSpeak NG English (Great Britain), female	espeak		en-gb+f2		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bec2537f344a066f36f55902	20		\N	eSpeak NG English (Great Britain), young female	espeak		en-gb+f3		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2becdb0a8b99a39edf67ed47c	21		\N	eSpeak NG English (Great Britain), Iven	espeak		en-gb+iven		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bed3bdd7d62e85243ca62bb4	22		\N	eSpeak NG English (Great Britain), Denis	espeak		en-gb+Denis		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bede29869b2850e90e1510fe	23		\N	eSpeak NG English (Great Britain), robot	espeak		en-gb+robosoft8		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bee63030b1d25f09704e3c6b	24		\N	eSpeak NG English (Great Britain), soft Klatt formants	espeak		en-gb+klatt2		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bee916d4a6b8eda22bbd8e6b	25		\N	eSpeak NG English (Great Britain), Klatt formants	espeak		en-gb+klatt4		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bef144c2ad2c9a9b3861c48a	26		\N	eSpeak NG English (Great Britain), whispering	espeak		en-gb+whisper		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bef854c405ec149d0602a82f	27		\N	eSpeak NG English (Great Britain), creaking	espeak		en-gb+croak		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bf005760143f951c50b5cc48	28		\N	eSpeak NG English (Great Britain), Andy	espeak		en-gb+Andy		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bf0221885691891c5b58dd63	29		\N	eSpeak NG English (Great Britain), announcer	espeak		en-gb+announcer		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bf0275d84fe1ec35d703ef66	30		\N	standin Calm	standin		calm	tts-1	{}	1500	t	2026-11-26 12:09:28.572564+00	2026-11-26 12:09:28.572564+00	\N
mdl_01a217c2bf0f688561cd8f36c7766685	31		\N	standin Bright	standin		bright	tts-1	{}	1500	t	2026-11-26 12:09:28.572564+00	2026-11-26 12:09:28.572564+00	\N
mdl_01a217c2bf0f0c5c617b76d35305303e	32		\N	eSpeak NG English (Great Britain), Steph	espeak		en-gb+steph		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bf11a3f310a5e33c08904eb2	33		\N	eSpeak NG English (Great Britain), deep male	espeak		en-gb+m3		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bf124abba4f1c4c38c16a2e1	34		\N	eSpeak NG English (Great Britain), old male	espeak		en-gb+grandpa		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bf13c991b9a53f34967e8eb9	35		\N	eSpeak NG Afrikaans	espeak		af		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bf14a3ff6ea15ad59a7045ca	36		\N	eSpeak NG Amharic	espeak		am		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bf1741cb5c7fa0243722ca0a	37		\N	eSpeak NG Aragonese	espeak		an		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bf3047f9147bab0b8303da25	38		\N	eSpeak NG Arabic	espeak		ar		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bf3cfd9128844a11159d1299	39		\N	eSpeak NG Assamese	espeak		as		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bf487b5d317b096a84153444	40		\N	eSpeak NG Azerbaijani	espeak		az		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bf53445fc2021df03aa0c2f2	41		\N	eSpeak NG Bashkir	espeak		ba		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bf5e9654e8bf6f7e7d2cd199	42		\N	eSpeak NG Belarusian	espeak		be		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bf5fdc9c136cd4c7e1a19233	43		\N	eSpeak NG Bulgarian	espeak		bg		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bf6741de13bea9b82546e0ff	44		\N	eSpeak NG Bengali	espeak		bn		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bf70134e632ddf0b7eefd6bb	45		\N	eSpeak NG Bishnupriya Manipuri	espeak		bpy		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bf7697cf89a0996a4899a3f5	46		\N	eSpeak NG Bosnian	espeak		bs		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bf7990e6d926777ad7dde6e0	47		\N	eSpeak NG Catalan	espeak		ca		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bf87c93f685ff10b04d0d8a4	48		\N	eSpeak NG Catalan (Balearic)	espeak		ca-ba		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bf8ccc732213f87ce8953664	49		\N	eSpeak NG Catalan (North-western)	espeak		ca-nw		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bf8dffa9a5f1c65a0cc3295f	50		\N	eSpeak NG Catalan (Valencian)	espeak		ca-va		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bf9af234258e29d8429d30f5	51		\N	eSpeak NG Cherokee	espeak		chr-US-Qaaa-x-west		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bfa5708ed9cec69fe65c3773	52		\N	eSpeak NG Chinese (Mandarin, latin as English)	espeak		cmn		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bfab9bd7b0216a3625d934e1	53		\N	eSpeak NG Chinese (Mandarin, latin as Pinyin)	espeak		cmn-latn-pinyin		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bfb5a1b3a10e0894e43db32e	54		\N	eSpeak NG Czech	espeak		cs		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bfbbcdf736f3b0cb4b899ec3	55		\N	eSpeak NG Chuvash	espeak		cv		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bfbc13c5339a41dac616f9b4	56		\N	eSpeak NG Welsh	espeak		cy		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bfc72e452c04c0e128a9959e	57		\N	eSpeak NG Danish	espeak		da		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bfd93a3d43725747da1503a1	58		\N	eSpeak NG German	espeak		de		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bfdbb760583bd002c02c451a	59		\N	eSpeak NG Greek	espeak		el		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bfe300deee78f9d3df9380f0	60		\N	eSpeak NG English (Scotland)	espeak		en		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bfeaaffc306c8f016bc9f9d8	61		\N	eSpeak NG English (Caribbean)	espeak		en-029		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bfeb2b5a50451b1450730d75	62		\N	eSpeak NG English (West Midlands)	espeak		en-gb-x-gbcwmd		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bfee5a1ebfa1816d585be184	63		\N	eSpeak NG English (Shavian alphabet)	espeak		en-shaw		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bff70b7e383f46a58e2804da	64		\N	eSpeak NG English (America, New York City)	espeak		en-us-nyc		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bffa09c5286f10340ddf2cf1	65		\N	eSpeak NG Esperanto	espeak		eo		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bffc56dc02fb7d091bb2b6f7	66		\N	eSpeak NG Spanish (Spain)	espeak		es		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bffd48c6561dd7de6b8ba919	67		\N	eSpeak NG Spanish (Latin America)	espeak		es-419		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2bfff7f85750b3703c4680444	68		\N	eSpeak NG Estonian	espeak		et		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c0031d6a5bff0db3d8cbf3d1	69		\N	eSpeak NG Basque	espeak		eu		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c0083f02718a476337cb4e14	70		\N	eSpeak NG Persian	espeak		fa		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c0139c0a5bfd0081b81195d2	71		\N	eSpeak NG Persian (Pinglish)	espeak		fa-latn		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c01b5312326d5bceec819472	72		\N	eSpeak NG Finnish	espeak		fi		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c02873a91b6fa5f64baf319a	73		\N	eSpeak NG Faroese	espeak		fo		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c02c41c6c32a0d9f41e7e3c5	74		\N	eSpeak NG French (Belgium)	espeak		fr-be		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c03350ef61cdca8dc8efd183	75		\N	eSpeak NG French (Switzerland)	espeak		fr-ch		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c0352cb31a266797f69cf4a6	76		\N	eSpeak NG French (France)	espeak		fr-fr		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c03dc26cf1008a082e247731	77		\N	eSpeak NG Gaelic (Irish)	espeak		ga		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c0403993dcfb56c9b55b4bbd	78		\N	eSpeak NG Gaelic (Scottish)	espeak		gd		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c04587068a6fe36818afcb64	79		\N	eSpeak NG Guarani	espeak		gn		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c04bd76d925f8e9782eb4ee9	80		\N	eSpeak NG Greek (Ancient)	espeak		grc		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c04e024cbda843b8fe0a889c	81		\N	eSpeak NG Gujarati	espeak		gu		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c04fb6f2917af8414cbbf534	82		\N	eSpeak NG Hakka Chinese	espeak		hak		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c053d92353eaccce92149e88	83		\N	eSpeak NG Hawaiian	espeak		haw		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c0582941fd687dbca6a52388	84		\N	eSpeak NG Hebrew	espeak		he		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c05db21f3c9b31e3c4e8b64d	85		\N	eSpeak NG Hindi	espeak		hi		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c067fcda8bcc9fcae4d81d92	86		\N	eSpeak NG Croatian	espeak		hr		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c06f13247280d93ea1113ee3	87		\N	eSpeak NG Haitian Creole	espeak		ht		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c0711a4d80b38c91f0e7009e	88		\N	eSpeak NG Hungarian	espeak		hu		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c0775415e0bb129730249f5f	89		\N	eSpeak NG Armenian (East Armenia)	espeak		hy		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c07acae3ec3b64dd2808c5de	90		\N	eSpeak NG Armenian (West Armenia)	espeak		hyw		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c07f26439188ab30b12e997b	91		\N	eSpeak NG Interlingua	espeak		ia		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c083a6279dd598322a5c2f52	92		\N	eSpeak NG Indonesian	espeak		id		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c08b4052923bc77a632e7b89	93		\N	eSpeak NG Ido	espeak		io		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c08eeb4b332b128eab0996af	94		\N	eSpeak NG Icelandic	espeak		is		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c093ed2e2e75ec6ccdccee1e	95		\N	eSpeak NG Italian	espeak		it		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c097d7776100b4af60b2dad8	96		\N	eSpeak NG Japanese	espeak		ja		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c09cc986fffc5b905c51b57c	97		\N	eSpeak NG Lojban	espeak		jbo		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c0a6afdd3327685895bcb961	98		\N	eSpeak NG Georgian	espeak		ka		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c0a9afda36326432079cb88c	99		\N	eSpeak NG Karakalpak	espeak		kaa		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c0b9283a17f9ecd224630124	100		\N	eSpeak NG Kazakh	espeak		kk		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c0c71e39dca4146f22089c6b	101		\N	eSpeak NG Greenlandic	espeak		kl		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c0cfebf80fcddbe6a1972ec3	102		\N	eSpeak NG Kannada	espeak		kn		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c0d50ea4e0b32b7bcadc711d	103		\N	eSpeak NG Korean	espeak		ko		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c0dd32bb472fec0f5f188e8b	104		\N	eSpeak NG Konkani	espeak		kok		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c0e144b2e916ffda805e7cb9	105		\N	eSpeak NG Kurdish	espeak		ku		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c0e7fd50feb05a4a13fe8e4d	106		\N	eSpeak NG Kyrgyz	espeak		ky		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c0ef60604ece8d34d09e59a5	107		\N	eSpeak NG Latin	espeak		la		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c0f116ab2eda9c18cada7223	108		\N	eSpeak NG Luxembourgish	espeak		lb		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c0faa54a40fb86365e974bd3	109		\N	eSpeak NG Lingua Franca Nova	espeak		lfn		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c108b05e5bebd2021dcb31ea	110		\N	eSpeak NG Lithuanian	espeak		lt		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c113e160c1f4fd11f455e6c9	111		\N	eSpeak NG Latgalian	espeak		ltg		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c11c91c2c939e8ae008ee2d4	112		\N	eSpeak NG Latvian	espeak		lv		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c1259ab23af51d1c2c20a4da	113		\N	eSpeak NG Māori	espeak		mi		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c12ff4fdcd51bcf495564bce	114		\N	eSpeak NG Macedonian	espeak		mk		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c1359327237023c6e9963b8c	115		\N	eSpeak NG Malayalam	espeak		ml		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c13b21ff202b9bf7bedf261a	116		\N	eSpeak NG Marathi	espeak		mr		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c13fff7c29a235377eddb641	117		\N	eSpeak NG Malay	espeak		ms		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c143ed45cb38ba6078f15c58	118		\N	eSpeak NG Maltese	espeak		mt		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c14a4ed61f4a2cec0ba5c440	119		\N	eSpeak NG Totontepec Mixe	espeak		mto		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c1535e143b48edb88d004609	120		\N	eSpeak NG Myanmar (Burmese)	espeak		my		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c157c6712614980a7d8fbc33	121		\N	eSpeak NG Norwegian Bokmål	espeak		nb		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c163ebc0c742fd03134aa428	122		\N	eSpeak NG Nahuatl (Classical)	espeak		nci		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c16ff926acbb26b9beaade42	123		\N	eSpeak NG Nepali	espeak		ne		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c17b87cc37612621ff028137	124		\N	eSpeak NG Dutch	espeak		nl		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c18826ffdcface83b8228aa2	125		\N	eSpeak NG Nogai	espeak		nog		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c196349d24ac2267e4521180	126		\N	eSpeak NG Oromo	espeak		om		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c19e74598bfdfbc283e6956f	127		\N	eSpeak NG Oriya	espeak		or		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c1a38690d94741433256b3d7	128		\N	eSpeak NG Punjabi	espeak		pa		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c1aad6fb44a24293cd942697	129		\N	eSpeak NG Papiamento	espeak		pap		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c1aff4e336992615fdd0d786	130		\N	eSpeak NG Klingon	espeak		piqd		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c1b005914f7f9a215f954abf	131		\N	eSpeak NG Polish	espeak		pl		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c1b34f619a77a24275803ad2	132		\N	eSpeak NG Portuguese (Portugal)	espeak		pt		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c1b7f7faa25302377509c6a3	133		\N	eSpeak NG Portuguese (Brazil)	espeak		pt-br		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c1bb61037365df811620940b	134		\N	eSpeak NG Pyash	espeak		py		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c1c32e55d79ef53c3b80beda	135		\N	eSpeak NG Lang Belta	espeak		qdb		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c1c4dd9f6f07d8a0c9f5cb3b	136		\N	eSpeak NG Quechua	espeak		qu		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c1cb4569481b03638e750e98	137		\N	eSpeak NG K'iche'	espeak		quc		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c1d86370c3b826576ffa16e1	138		\N	eSpeak NG Quenya	espeak		qya		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c1f1b6d154f397698de5a431	139		\N	eSpeak NG Romanian	espeak		ro		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c1f7f5564e01fac57571937f	140		\N	eSpeak NG Russian	espeak		ru		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c1fb870c2eb38b57b988922e	141		\N	eSpeak NG Russian (Classic)	espeak		ru-cl		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c1fd4e6735f19edbc7968afd	142		\N	eSpeak NG Russian (Latvia)	espeak		ru-lv		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c203ba0667ec13a3891aac18	143		\N	eSpeak NG Sindhi	espeak		sd		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c207fed6c8362bbda0cf4d35	144		\N	eSpeak NG Shan (Tai Yai)	espeak		shn		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c2085ccf24f9eebf7aa1515d	145		\N	eSpeak NG Sinhala	espeak		si		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c209304ac5a7aca5d21e16f7	146		\N	eSpeak NG Sindarin	espeak		sjn		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c20fe724eca3beeddefbd825	147		\N	eSpeak NG Slovak	espeak		sk		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c2142ce71ac859515e57a3be	148		\N	eSpeak NG Slovenian	espeak		sl		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c2156d579dd152ae3fab38bf	149		\N	eSpeak NG Lule Saami	espeak		smj		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c216ce92457b115420a1e1fb	150		\N	eSpeak NG Albanian	espeak		sq		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c21bf364b57f55b466b0cb74	151		\N	eSpeak NG Serbian	espeak		sr		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c21d94c49c803afeaa21a518	152		\N	eSpeak NG Swedish	espeak		sv		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c21ec932a43e52b580be118b	153		\N	eSpeak NG Swahili	espeak		sw		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c22d08e9a568a7001d2e809c	154		\N	eSpeak NG Tamil	espeak		ta		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c22e469d5303f879565e87f5	155		\N	eSpeak NG Telugu	espeak		te		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c232b715d46141652915b181	156		\N	eSpeak NG Thai	espeak		th		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c237e46a96b1ac22ae0b2690	157		\N	eSpeak NG Tigrinya	espeak		ti		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c239a01ece037c3b614ff81a	158		\N	eSpeak NG Turkmen	espeak		tk		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c23b93e0d74d1165b736190f	159		\N	eSpeak NG Setswana	espeak		tn		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c240e81e4791d5e6865efbdc	160		\N	eSpeak NG Turkish	espeak		tr		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c2420366fd39f1eec1cea9bf	161		\N	eSpeak NG Tatar	espeak		tt		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c24328601e188809057910b1	162		\N	eSpeak NG Uyghur	espeak		ug		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c246c91d6a05caf45e994387	163		\N	eSpeak NG Ukrainian	espeak		uk		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c253c8e78029414e31328e22	164		\N	eSpeak NG Urdu	espeak		ur		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c25c8c7384a69d234b98ec6d	165		\N	eSpeak NG Uzbek	espeak		uz		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c25d684c209d1894bfaf5be1	166		\N	eSpeak NG Vietnamese (Northern)	espeak		vi		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c2603a17703254e98635092b	167		\N	eSpeak NG Vietnamese (Central)	espeak		vi-vn-x-central		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c2684e8ff71476953087c224	168		\N	eSpeak NG Vietnamese (Southern)	espeak		vi-vn-x-south		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c26a0bbc5986bcabda6002df	169		\N	eSpeak NG xextan-test	espeak		xex		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2c27d9c1bc500aa8428945382	170		\N	eSpeak NG Chinese (Cantonese)	espeak		yue		{}	1500	t	2026-11-26 12:09:28.251865+00	2026-11-26 12:09:28.251865+00	\N
mdl_01a217c2fa90a16596461c71d630d8f2	171	dev_01a217c2c33163170c5c7204dc5adaa1	\N	ours	standin		calm		{}	1500	t	2026-11-26 12:09:43.824812+00	2026-11-26 12:09:43.824812+00	\N
\.


--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: experiments; Owner: -
--

COPY experiments.alembic_version (version_num) FROM stdin;
0009
\.


--
-- Data for Name: experiments; Type: TABLE DATA; Schema: experiments; Owner: -
--

COPY experiments.experiments (id, developer_id, request_id, name, scenario, eval_mode, status, models, prompts, webhook_url, primary_metric, total_trials, completed_trials, failed_trials, error_message, results, created_at, started_at, progressed_at, ended_at, composite, repeats, seed, votes_per_pair, listening_days, listening_until, audio_retention_days, audio_deleted_at, cloned_from, traceparent, votes_received, votes_needed, request_fingerprint) FROM stdin;
exp_01a217c2c3aeaaee7811a59e2a0cd2af	dev_01a217c2c33163170c5c7204dc5adaa1	\N	created	general	automated	created	[{"seed": null, "speed": null, "language": null, "model_id": "tts-1", "provider": "standin", "voice_id": "calm"}, {"seed": null, "speed": null, "language": null, "model_id": "tts-1", "provider": "standin", "voice_id": "bright"}]	["Prompt 0."]		composite_per_prompt	2	0	0		\N	2026-11-26 12:09:29.774579+00	\N	\N	\N	{"name": "latency", "version": 1, "weights": {"ttfb": 0.3, "silence": 0.25, "generation_time": 0.25, "duration_accuracy": 0.2}}	1	218959353	3	14	\N	30	\N			0	0	\N
exp_01a217c2c3cbac6392145c6f6d4272a1	dev_01a217c2c33163170c5c7204dc5adaa1	\N	ok	general	automated	completed	[{"seed": null, "speed": null, "language": null, "model_id": "tts-1", "provider": "standin", "voice_id": "calm"}, {"seed": null, "speed": null, "language": null, "model_id": "tts-1", "provider": "standin", "voice_id": "bright"}]	["Prompt 0.", "Prompt 1."]	http://127.0.0.1:9/ok	composite_per_prompt	4	4	0		{"leader": "standin:bright", "reasons": ["The composite score of standin:bright is 0.012 above that of standin:calm; low confidence takes more than 0.02.", "Prompts that tell standin:bright and standin:calm apart: 2; low confidence takes at least 4.", "Not enough evidence that standin:bright is better than standin:calm: chance alone makes such a difference with p = 0.5; low confidence takes at most 0.20."], "p_winner": 0.5, "rankings": [{"rank": 1, "model_id": "tts-1", "provider": "standin", "voice_id": "bright", "components": [{"score": 0.9992301805000352, "metric": "ttfb"}, {"score": 0.9996540805999757, "metric": "generation_time"}, {"score": 0.7813333333333333, "metric": "silence"}, {"score": 0.888888888888889, "metric": "duration_accuracy"}], "avg_ttfb_ms": 1.5396389999295934, "reliability": 1.0, "median_ttfa_ms": 92.5396389999296, "composite_score": 0.9227936854111156, "trials_completed": 2, "avg_silence_ratio": 0.21866666666666668, "avg_duration_seconds": 0.5, "avg_generation_time_ms": 1.72959700012143}, {"rank": 1, "model_id": "tts-1", "provider": "standin", "voice_id": "calm", "components": [{"score": 0.9994771074998425, "metric": "ttfb"}, {"score": 0.9997562656000809, "metric": "generation_time"}, {"score": 0.7324999999999999, "metric": "silence"}, {"score": 0.888888888888889, "metric": "duration_accuracy"}], "avg_ttfb_ms": 1.045785000314936, "reliability": 1.0, "median_ttfa_ms": 92.04578500031494, "composite_score": 0.9106849764277507, "trials_completed": 2, "avg_silence_ratio": 0.2675, "avg_duration_seconds": 0.4, "avg_generation_time_ms": 1.2186719995952444}], "composite": {"name": "latency", "version": 1, "weights": [{"metric": "ttfb", "weight": 0.3}, {"metric": "generation_time", "weight": 0.25}, {"metric": "silence", "weight": 0.25}, {"metric": "duration_accuracy", "weight": 0.2}]}, "gap_level": "inconclusive", "confidence": "inconclusive", "computed_at": "2026-11-26T12:09:30.695276Z", "head_to_head": [{"ties": 2, "pairs": 2, "effect": -0.012108708983364802, "p_holm": 0.5, "favours": "standin:bright", "model_a": "standin:calm", "model_b": "standin:bright", "p_value": 0.5}], "experiment_id": "exp_01a217c2c3cbac6392145c6f6d4272a1", "inputs_digest": "sha256:0f834c79dc300412b555830a6576ae617d1243c167cc95669122c2206ee7f602", "evidence_level": "inconclusive", "method_version": "verdict/3", "primary_metric": "composite_per_prompt"}	2026-11-26 12:09:29.803346+00	2026-11-26 12:09:29.881329+00	2026-11-26 12:09:30.594128+00	2026-11-26 12:09:30.695276+00	{"name": "latency", "version": 1, "weights": {"ttfb": 0.3, "silence": 0.25, "generation_time": 0.25, "duration_accuracy": 0.2}}	1	2369650106	3	14	\N	30	\N		00-d3e93b77252f16f7e5b000520f968359-0901390723633fe4-00	0	0	\N
exp_01a217c2ca9cb307f16925bc9d07d037	dev_01a217c2c33163170c5c7204dc5adaa1	\N	judged	general	human	completed	[{"seed": null, "speed": null, "language": null, "model_id": "tts-1", "provider": "standin", "voice_id": "calm"}, {"seed": null, "speed": null, "language": null, "model_id": "tts-1", "provider": "standin", "voice_id": "bright"}]	["Prompt 0."]		composite_per_prompt	2	2	0		{"votes": {"votes": 1, "leader": "standin:bright", "p_winner": 1.0, "listeners": 1, "evidence_level": "inconclusive", "largest_address_share": 1.0}, "leader": "standin:bright", "reasons": ["Listeners who prefer one of standin:bright and standin:calm: 1; low confidence takes at least 4.", "Not enough evidence that listeners prefer standin:bright to standin:calm: chance alone makes such votes with p = 1; low confidence takes at most 0.20.", "1 of 1 counted votes are of listeners at one address, who may be one person; with more than half from one address, confidence is at most low."], "p_winner": 1.0, "rankings": [{"rank": 1, "model_id": "tts-1", "provider": "standin", "voice_id": "bright", "components": [{"score": 0.9981153124999764, "metric": "ttfb"}, {"score": 0.999206824599969, "metric": "generation_time"}, {"score": 0.7813333333333333, "metric": "silence"}, {"score": 0.888888888888889, "metric": "duration_accuracy"}], "avg_ttfb_ms": 3.769375000047148, "reliability": 1.0, "median_ttfa_ms": 94.76937500004715, "composite_score": 0.9223474110110963, "preference_share": 1.0, "trials_completed": 1, "avg_silence_ratio": 0.21866666666666668, "avg_duration_seconds": 0.5, "avg_generation_time_ms": 3.96587700015516}, {"rank": 1, "model_id": "tts-1", "provider": "standin", "voice_id": "calm", "components": [{"score": 0.9988260294994689, "metric": "ttfb"}, {"score": 0.9994371169999795, "metric": "generation_time"}, {"score": 0.7324999999999999, "metric": "silence"}, {"score": 0.888888888888889, "metric": "duration_accuracy"}], "avg_ttfb_ms": 2.3479410010622814, "reliability": 1.0, "median_ttfa_ms": 93.34794100106228, "composite_score": 0.9104098658776133, "preference_share": 0.0, "trials_completed": 1, "avg_silence_ratio": 0.2675, "avg_duration_seconds": 0.4, "avg_generation_time_ms": 2.814415000102599}], "composite": {"name": "latency", "version": 1, "weights": [{"metric": "ttfb", "weight": 0.3}, {"metric": "generation_time", "weight": 0.25}, {"metric": "silence", "weight": 0.25}, {"metric": "duration_accuracy", "weight": 0.2}]}, "gap_level": "high", "confidence": "inconclusive", "computed_at": "2026-11-26T12:09:33.577224Z", "head_to_head": [{"ties": 1, "pairs": 1, "votes": {"b": 1, "p_holm": 1.0, "p_value": 1.0, "listeners": 1}, "effect": -0.011937545133482996, "p_holm": 1.0, "favours": "standin:bright", "model_a": "standin:calm", "model_b": "standin:bright", "p_value": 1.0}], "experiment_id": "exp_01a217c2ca9cb307f16925bc9d07d037", "inputs_digest": "sha256:1fa724cab6e34d881900a51db624853e70bd05aaa3c1c81f313ca0002c64502c", "evidence_level": "inconclusive", "method_version": "verdict/3", "primary_metric": "composite_per_prompt"}	2026-11-26 12:09:31.548933+00	2026-11-26 12:09:31.575113+00	2026-11-26 12:09:31.770916+00	2026-11-26 12:09:33.577224+00	{"name": "latency", "version": 1, "weights": {"ttfb": 0.3, "silence": 0.25, "generation_time": 0.25, "duration_accuracy": 0.2}}	1	192849830	1	14	2026-12-10 12:09:31.803684+00	30	\N		00-513e4cd988c6add228d3a7e481789656-05c3f1559c921870-00	1	1	\N
exp_01a217c2c83465a729061b91ac692826	dev_01a217c2c33163170c5c7204dc5adaa1	\N	gone	general	automated	completed	[{"seed": null, "speed": null, "language": null, "model_id": "tts-1", "provider": "standin", "voice_id": "calm"}, {"seed": null, "speed": null, "language": null, "model_id": "tts-1", "provider": "standin", "voice_id": "bright"}]	["Prompt 0.", "Prompt 1."]	http://127.0.0.1:9/gone	composite_per_prompt	4	4	0		{"leader": "standin:bright", "reasons": ["The composite score of standin:bright is 0.012 above that of standin:calm; low confidence takes more than 0.02.", "Prompts that tell standin:bright and standin:calm apart: 2; low confidence takes at least 4.", "Not enough evidence that standin:bright is better than standin:calm: chance alone makes such a difference with p = 0.5; low confidence takes at most 0.20."], "p_winner": 0.5, "rankings": [{"rank": 1, "model_id": "tts-1", "provider": "standin", "voice_id": "bright", "components": [{"score": 0.9987455697500991, "metric": "ttfb"}, {"score": 0.9994622113999867, "metric": "generation_time"}, {"score": 0.7813333333333333, "metric": "silence"}, {"score": 0.888888888888889, "metric": "duration_accuracy"}], "avg_ttfb_ms": 2.5088604998018127, "reliability": 1.0, "median_ttfa_ms": 93.50886049980181, "composite_score": 0.9226003348861376, "trials_completed": 2, "avg_silence_ratio": 0.21866666666666668, "avg_duration_seconds": 0.5, "avg_generation_time_ms": 2.6889430000665016}, {"rank": 1, "model_id": "tts-1", "provider": "standin", "voice_id": "calm", "components": [{"score": 0.9994704624996302, "metric": "ttfb"}, {"score": 0.9997454354999717, "metric": "generation_time"}, {"score": 0.7324999999999999, "metric": "silence"}, {"score": 0.888888888888889, "metric": "duration_accuracy"}], "avg_ttfb_ms": 1.05907500073954, "reliability": 1.0, "median_ttfa_ms": 92.05907500073954, "composite_score": 0.9106802754026597, "trials_completed": 2, "avg_silence_ratio": 0.2675, "avg_duration_seconds": 0.4, "avg_generation_time_ms": 1.2728225001410465}], "composite": {"name": "latency", "version": 1, "weights": [{"metric": "ttfb", "weight": 0.3}, {"metric": "generation_time", "weight": 0.25}, {"metric": "silence", "weight": 0.25}, {"metric": "duration_accuracy", "weight": 0.2}]}, "gap_level": "inconclusive", "confidence": "inconclusive", "computed_at": "2026-11-26T12:09:31.364939Z", "head_to_head": [{"ties": 2, "pairs": 2, "effect": -0.011920059483477685, "p_holm": 0.5, "favours": "standin:bright", "model_a": "standin:calm", "model_b": "standin:bright", "p_value": 0.5}], "experiment_id": "exp_01a217c2c83465a729061b91ac692826", "inputs_digest": "sha256:d1caac192f8330497797a5f4352980163a8813503bd885dc7a9de5072c57e041", "evidence_level": "inconclusive", "method_version": "verdict/3", "primary_metric": "composite_per_prompt"}	2026-11-26 12:09:30.932509+00	2026-11-26 12:09:30.991465+00	2026-11-26 12:09:31.346716+00	2026-11-26 12:09:31.364939+00	{"name": "latency", "version": 1, "weights": {"ttfb": 0.3, "silence": 0.25, "generation_time": 0.25, "duration_accuracy": 0.2}}	1	1277688038	3	14	\N	30	\N		00-a394d85b05e5056e810cc2703bc7a55f-605f9f0c58a1ae8c-00	0	0	\N
exp_01a217c2d2b80a847e044cbac656dacf	dev_01a217c2c33163170c5c7204dc5adaa1	\N	listening	general	human	running	[{"seed": null, "speed": null, "language": null, "model_id": "tts-1", "provider": "standin", "voice_id": "calm"}, {"seed": null, "speed": null, "language": null, "model_id": "tts-1", "provider": "standin", "voice_id": "bright"}]	["Prompt 0.", "Prompt 1."]		composite_per_prompt	4	4	0		\N	2026-11-26 12:09:33.624777+00	2026-11-26 12:09:33.679017+00	2026-11-26 12:09:33.994788+00	\N	{"name": "latency", "version": 1, "weights": {"ttfb": 0.3, "silence": 0.25, "generation_time": 0.25, "duration_accuracy": 0.2}}	1	286909529	3	14	2026-12-10 12:09:34.031747+00	30	\N		00-8235306b60a599a5cfb39d0951b1d178-94b9d0c8e4f15211-00	2	6	\N
exp_01a217c2fa3b872f9a42e5ed79d40179	dev_01a217c2c33163170c5c7204dc5adaa1	\N	cancelled	general	automated	cancelled	[{"seed": null, "speed": null, "language": null, "model_id": "tts-1", "provider": "standin", "voice_id": "calm"}, {"seed": null, "speed": null, "language": null, "model_id": "tts-1", "provider": "standin", "voice_id": "bright"}]	["Prompt 0."]		composite_per_prompt	2	0	0		\N	2026-11-26 12:09:43.739045+00	\N	\N	2026-11-26 12:09:43.986961+00	{"name": "latency", "version": 1, "weights": {"ttfb": 0.3, "silence": 0.25, "generation_time": 0.25, "duration_accuracy": 0.2}}	1	492509707	3	14	\N	30	\N			0	0	\N
exp_01a217c2f17ba6e3b81a9cabe3cd04e4	dev_01a217c2c33163170c5c7204dc5adaa1	\N	running	general	automated	running	[{"seed": null, "speed": null, "language": null, "model_id": "tts-1", "provider": "standin", "voice_id": "calm"}, {"seed": null, "speed": null, "language": null, "model_id": "tts-1", "provider": "holding", "voice_id": "held"}]	["Prompt 0.", "Prompt 1.", "Prompt 2.", "Prompt 3.", "Prompt 4.", "Prompt 5."]		composite_per_prompt	12	2	0		\N	2026-11-26 12:09:41.499483+00	2026-11-26 12:09:41.531307+00	2026-11-26 12:09:43.687691+00	\N	{"name": "latency", "version": 1, "weights": {"ttfb": 0.3, "silence": 0.25, "generation_time": 0.25, "duration_accuracy": 0.2}}	1	2740454986	3	14	\N	30	\N		00-2d16beed7f900fe56ff7a37c46b05653-8e170269be9fa957-00	0	0	\N
exp_01a217c2ee91f7f1aadfeddba6426255	dev_01a217c2c33163170c5c7204dc5adaa1	\N	failing	general	automated	completed	[{"seed": null, "speed": null, "language": null, "model_id": "tts-1", "provider": "standin", "voice_id": "calm"}, {"seed": null, "speed": null, "language": null, "model_id": "tts-1", "provider": "standin", "voice_id": "bright"}]	["Prompt 0.", "Prompt 1."]	http://127.0.0.1:9/failing	composite_per_prompt	4	4	0		{"leader": "standin:bright", "reasons": ["The composite score of standin:bright is 0.014 above that of standin:calm; low confidence takes more than 0.02.", "Prompts that tell standin:bright and standin:calm apart: 2; low confidence takes at least 4.", "Not enough evidence that standin:bright is better than standin:calm: chance alone makes such a difference with p = 0.5; low confidence takes at most 0.20."], "p_winner": 0.5, "rankings": [{"rank": 1, "model_id": "tts-1", "provider": "standin", "voice_id": "bright", "components": [{"score": 0.9988948370000799, "metric": "ttfb"}, {"score": 0.9994867829998839, "metric": "generation_time"}, {"score": 0.7813333333333333, "metric": "silence"}, {"score": 0.888888888888889, "metric": "duration_accuracy"}], "avg_ttfb_ms": 2.210325999840279, "reliability": 1.0, "median_ttfa_ms": 93.21032599984028, "composite_score": 0.922651257961106, "trials_completed": 2, "avg_silence_ratio": 0.21866666666666668, "avg_duration_seconds": 0.5, "avg_generation_time_ms": 2.5660850005806424}, {"rank": 1, "model_id": "tts-1", "provider": "standin", "voice_id": "calm", "components": [{"score": 0.9942382542499217, "metric": "ttfb"}, {"score": 0.9976322910000818, "metric": "generation_time"}, {"score": 0.7324999999999999, "metric": "silence"}, {"score": 0.888888888888889, "metric": "duration_accuracy"}], "avg_ttfb_ms": 11.523491500156524, "reliability": 1.0, "median_ttfa_ms": 102.52349150015652, "composite_score": 0.9085823268027747, "trials_completed": 2, "avg_silence_ratio": 0.2675, "avg_duration_seconds": 0.4, "avg_generation_time_ms": 11.83854499959125}], "composite": {"name": "latency", "version": 1, "weights": [{"metric": "ttfb", "weight": 0.3}, {"metric": "generation_time", "weight": 0.25}, {"metric": "silence", "weight": 0.25}, {"metric": "duration_accuracy", "weight": 0.2}]}, "gap_level": "inconclusive", "confidence": "inconclusive", "computed_at": "2026-11-26T12:09:41.372947Z", "head_to_head": [{"ties": 2, "pairs": 2, "effect": -0.014068931158331355, "p_holm": 0.5, "favours": "standin:bright", "model_a": "standin:calm", "model_b": "standin:bright", "p_value": 0.5}], "experiment_id": "exp_01a217c2ee91f7f1aadfeddba6426255", "inputs_digest": "sha256:a997abaf19565bf67b63c61ece11fbf71816efd2ccbf7875a0e4a161dd12025e", "evidence_level": "inconclusive", "method_version": "verdict/3", "primary_metric": "composite_per_prompt"}	2026-11-26 12:09:40.753747+00	2026-11-26 12:09:40.799038+00	2026-11-26 12:09:41.343191+00	2026-11-26 12:09:41.372947+00	{"name": "latency", "version": 1, "weights": {"ttfb": 0.3, "silence": 0.25, "generation_time": 0.25, "duration_accuracy": 0.2}}	1	4252160919	3	14	\N	30	\N		00-33ce88ed27bb713a3b75fd404a46524b-2dcdf265895426d8-00	0	0	\N
exp_01a217c2ecada848f630aa1fb9bcefc6	dev_01a217c2c33163170c5c7204dc5adaa1	\N	retried	general	automated	running	[{"seed": null, "speed": null, "language": null, "model_id": "tts-1", "provider": "standin", "voice_id": "calm"}, {"seed": null, "speed": null, "language": null, "model_id": "tts-1", "provider": "mending", "voice_id": "lost"}]	["Prompt 0.", "Prompt 1."]		composite_per_prompt	4	2	0		\N	2026-11-26 12:09:40.26919+00	2026-11-26 12:09:40.290781+00	2026-11-26 12:09:43.759825+00	\N	{"name": "latency", "version": 1, "weights": {"ttfb": 0.3, "silence": 0.25, "generation_time": 0.25, "duration_accuracy": 0.2}}	1	483163047	3	14	\N	30	\N		00-3404415f53c5c897e3fd70b6bbaa4abe-49747f159756311e-00	0	0	\N
exp_01a217c2fa4eb5c703e4c29a93d3e3c8	dev_01a217c2c33163170c5c7204dc5adaa1	\N	asked	general	automated	running	[{"seed": null, "speed": null, "language": null, "model_id": "", "provider": "espeak", "voice_id": "en-us"}, {"seed": null, "speed": null, "language": null, "model_id": "", "provider": "espeak", "voice_id": "en-gb"}]	["Prompt 0."]		composite_per_prompt	2	0	0		\N	2026-11-26 12:09:43.758284+00	2026-11-26 12:09:44.021344+00	2026-11-26 12:09:44.021344+00	\N	{"name": "latency", "version": 1, "weights": {"ttfb": 0.3, "silence": 0.25, "generation_time": 0.25, "duration_accuracy": 0.2}}	1	117175205	3	14	\N	30	\N		00-6e1f0575d177b1e0844fb0ad3f715b2d-05ee0310a6b6b9e9-00	0	0	\N
\.


--
-- Data for Name: listening_assignments; Type: TABLE DATA; Schema: experiments; Owner: -
--

COPY experiments.listening_assignments (id, experiment_id, listener_id, link_id, prompt_index, first, second, first_trial, second_trial, swapped, drawn_from, target_lufs, clip_a, clip_b, a_seconds, b_seconds, shown_at, a_sent_at, b_sent_at, a_sent, b_sent) FROM stdin;
pai_01a217c2cc95ff8ae170af4a6ebe6696	exp_01a217c2ca9cb307f16925bc9d07d037	lsn_01a217c2cc18816c646155296e659583	lnk_01a217c2cbe984a03db3d42555aa07a9	0	0	1	trl_01a217c2cab771ad03c6d29a4fd8d0c8	trl_01a217c2cab7d2fd34c5c2126825471d	t	1	-23	clp_01a217c2cc95061a274450b253cec1c2.wav	clp_01a217c2cc9559fbbb4cc6cc7193c542.wav	0.75	0.5	2026-11-26 12:09:32.015642+00	2026-11-26 12:09:32.140771+00	2026-11-26 12:09:32.233803+00	{[0,36044)}	{[0,24044)}
pai_01a217c2d55f3a58df877ba57591a863	exp_01a217c2d2b80a847e044cbac656dacf	lsn_01a217c2d4f4efbf3a6bdad1be05bb91	lnk_01a217c2d4a8de6a1e760750f12f831f	1	0	1	trl_01a217c2d2eff22d8fe23d6e1b228aac	trl_01a217c2d2ef2246cd6917c7e0771dfb	f	2	-23	clp_01a217c2d55faa068e61ad4a415d2f9a.wav	clp_01a217c2d55f01797d7b75259fc84b53.wav	0.5	0.75	2026-11-26 12:09:34.263586+00	2026-11-26 12:09:34.353+00	2026-11-26 12:09:34.383626+00	{[0,24044)}	{[0,36044)}
pai_01a217c2db3d178af7eb9d050ef5a195	exp_01a217c2d2b80a847e044cbac656dacf	lsn_01a217c2d4f4efbf3a6bdad1be05bb91	lnk_01a217c2d4a8de6a1e760750f12f831f	0	0	1	trl_01a217c2d2efb34184ad2f38f65e9808	trl_01a217c2d2ef2ee896855d8e333441ed	t	1	-23	clp_01a217c2db3e1e35a7b6287721c7a0a3.wav	clp_01a217c2db3ee0f357f39a1b8883b08f.wav	0.75	0.5	2026-11-26 12:09:35.765778+00	2026-11-26 12:09:35.841776+00	2026-11-26 12:09:35.85412+00	{[0,36044)}	{[0,24044)}
pai_01a217c2e0a89bd60d16ad06e8e1e069	exp_01a217c2d2b80a847e044cbac656dacf	lsn_01a217c2e073e5232872920b1f71b356	lnk_01a217c2d4a8de6a1e760750f12f831f	1	0	1	trl_01a217c2d2eff22d8fe23d6e1b228aac	trl_01a217c2d2ef2246cd6917c7e0771dfb	f	2	-23	clp_01a217c2e0a8035710bd98f055a1bcd9.wav	clp_01a217c2e0a8b27d530dcf3576a66aa6.wav	0.5	0.75	2026-11-26 12:09:37.16458+00	\N	\N	{}	{}
pai_01a217c2e12336d042f44076dd94e5e3	exp_01a217c2d2b80a847e044cbac656dacf	lsn_01a217c2e0cce9f789aa53f566494fd9	lnk_01a217c2d4c72cbce58670c7b573a861	0	0	1	trl_01a217c2d2efb34184ad2f38f65e9808	trl_01a217c2d2ef2ee896855d8e333441ed	t	1	-23	clp_01a217c2e123f3e382a86b87c5d8072d.wav	clp_01a217c2e1235d0f3efa78fcd1b05bcf.wav	0.75	0.5	2026-11-26 12:09:37.292071+00	2026-11-26 12:09:37.336652+00	2026-11-26 12:09:37.368903+00	{[0,36044)}	{[0,24044)}
pai_01a217c2e7306b2981e5568d669412cd	exp_01a217c2d2b80a847e044cbac656dacf	lsn_01a217c2e6bb711ea897eceed64ba132	lnk_01a217c2d4c72cbce58670c7b573a861	0	0	1	trl_01a217c2d2efb34184ad2f38f65e9808	trl_01a217c2d2ef2ee896855d8e333441ed	f	2	-23	clp_01a217c2e7304bebabb413cbcab32a05.wav	clp_01a217c2e7304b44652e7e7a7ecfd970.wav	0.5	0.75	2026-11-26 12:09:38.787855+00	2026-11-26 12:09:38.893151+00	2026-11-26 12:09:38.909805+00	{[0,24044)}	{[0,36044)}
\.


--
-- Data for Name: listening_links; Type: TABLE DATA; Schema: experiments; Owner: -
--

COPY experiments.listening_links (id, experiment_id, developer_id, request_id, expires_at, revoked_at, created_at, listeners, votes, request_fingerprint, max_listeners_per_address, excluded_votes) FROM stdin;
lnk_01a217c2cbe984a03db3d42555aa07a9	exp_01a217c2ca9cb307f16925bc9d07d037	dev_01a217c2c33163170c5c7204dc5adaa1	judges	2026-12-10 12:09:31+00	\N	2026-11-26 12:09:31.881033+00	1	1	\\xf22efee5294c3378dca88a4c11f212f3a7bce464fd2d0510dcb0a6af2f0e01aa	3	0
lnk_01a217c2d4a8de6a1e760750f12f831f	exp_01a217c2d2b80a847e044cbac656dacf	dev_01a217c2c33163170c5c7204dc5adaa1	friends	2026-12-10 12:09:34+00	\N	2026-11-26 12:09:34.120321+00	2	1	\\xa05a60fe03a311decb02ffb47257c27db7aef29c7505570ba1eebbf17dbd78fc	3	0
lnk_01a217c2d4c72cbce58670c7b573a861	exp_01a217c2d2b80a847e044cbac656dacf	dev_01a217c2c33163170c5c7204dc5adaa1	strict	2026-12-10 12:09:34+00	\N	2026-11-26 12:09:34.151353+00	2	2	\\x35faed58a543fccf339ee679f65d029e6f7c103afefd36e4f01b96aee1964a6b	1	1
\.


--
-- Data for Name: listening_listeners; Type: TABLE DATA; Schema: experiments; Owner: -
--

COPY experiments.listening_listeners (id, link_id, experiment_id, created_at, voter_id, address) FROM stdin;
lsn_01a217c2cc18816c646155296e659583	lnk_01a217c2cbe984a03db3d42555aa07a9	exp_01a217c2ca9cb307f16925bc9d07d037	2026-11-26 12:09:31.928487+00	usr_01a217c2cc176e99a75b65f8ce89693c	\\x14c146599e5c6eae26a87e7a7048ed02
lsn_01a217c2d4f4efbf3a6bdad1be05bb91	lnk_01a217c2d4a8de6a1e760750f12f831f	exp_01a217c2d2b80a847e044cbac656dacf	2026-11-26 12:09:34.19608+00	usr_01a217c2d4ef46d0eef67c7994aa4d1d	\\xfd2f2295b7f850894e9a7c88939665de
lsn_01a217c2e073e5232872920b1f71b356	lnk_01a217c2d4a8de6a1e760750f12f831f	exp_01a217c2d2b80a847e044cbac656dacf	2026-11-26 12:09:37.139703+00	usr_01a217c2e0727dddd148b4c0fdd575e5	\\xfd2f2295b7f850894e9a7c88939665de
lsn_01a217c2e0cce9f789aa53f566494fd9	lnk_01a217c2d4c72cbce58670c7b573a861	exp_01a217c2d2b80a847e044cbac656dacf	2026-11-26 12:09:37.228852+00	usr_01a217c2e0c7122ebb0d73a7d1b4c2d9	\\xfd2f2295b7f850894e9a7c88939665de
lsn_01a217c2e6bb711ea897eceed64ba132	lnk_01a217c2d4c72cbce58670c7b573a861	exp_01a217c2d2b80a847e044cbac656dacf	2026-11-26 12:09:38.747922+00	usr_01a217c2e6bbe47e1bc1e95544ca54ef	\\xfd2f2295b7f850894e9a7c88939665de
\.


--
-- Data for Name: listening_pairs; Type: TABLE DATA; Schema: experiments; Owner: -
--

COPY experiments.listening_pairs (experiment_id, prompt_index, first, second, first_trials, second_trials, target_lufs, votes) FROM stdin;
exp_01a217c2ca9cb307f16925bc9d07d037	0	0	1	{trl_01a217c2cab771ad03c6d29a4fd8d0c8}	{trl_01a217c2cab7d2fd34c5c2126825471d}	-23	1
exp_01a217c2d2b80a847e044cbac656dacf	1	0	1	{trl_01a217c2d2eff22d8fe23d6e1b228aac}	{trl_01a217c2d2ef2246cd6917c7e0771dfb}	-23	1
exp_01a217c2d2b80a847e044cbac656dacf	0	0	1	{trl_01a217c2d2efb34184ad2f38f65e9808}	{trl_01a217c2d2ef2ee896855d8e333441ed}	-23	1
\.


--
-- Data for Name: listening_vote_states; Type: TABLE DATA; Schema: experiments; Owner: -
--

COPY experiments.listening_vote_states (seq, assignment_id, state, reason, judged_at) FROM stdin;
1	pai_01a217c2cc95ff8ae170af4a6ebe6696	counted		2026-11-26 12:09:33.506318+00
2	pai_01a217c2d55f3a58df877ba57591a863	counted		2026-11-26 12:09:35.667442+00
3	pai_01a217c2e12336d042f44076dd94e5e3	counted		2026-11-26 12:09:38.652339+00
4	pai_01a217c2e7306b2981e5568d669412cd	excluded	address_limit	2026-11-26 12:09:40.183655+00
\.


--
-- Data for Name: listening_votes; Type: TABLE DATA; Schema: experiments; Owner: -
--

COPY experiments.listening_votes (assignment_id, seq, experiment_id, listener_id, prompt_index, first, second, swapped, answer, cast_at, address) FROM stdin;
pai_01a217c2cc95ff8ae170af4a6ebe6696	1	exp_01a217c2ca9cb307f16925bc9d07d037	lsn_01a217c2cc18816c646155296e659583	0	0	1	t	a	2026-11-26 12:09:33.506318+00	\\x14c146599e5c6eae26a87e7a7048ed02
pai_01a217c2d55f3a58df877ba57591a863	2	exp_01a217c2d2b80a847e044cbac656dacf	lsn_01a217c2d4f4efbf3a6bdad1be05bb91	1	0	1	f	a	2026-11-26 12:09:35.667442+00	\\xfd2f2295b7f850894e9a7c88939665de
pai_01a217c2e12336d042f44076dd94e5e3	3	exp_01a217c2d2b80a847e044cbac656dacf	lsn_01a217c2e0cce9f789aa53f566494fd9	0	0	1	t	a	2026-11-26 12:09:38.652339+00	\\xfd2f2295b7f850894e9a7c88939665de
pai_01a217c2e7306b2981e5568d669412cd	4	exp_01a217c2d2b80a847e044cbac656dacf	lsn_01a217c2e6bb711ea897eceed64ba132	0	0	1	f	a	2026-11-26 12:09:40.183655+00	\\xfd2f2295b7f850894e9a7c88939665de
\.


--
-- Data for Name: outbox; Type: TABLE DATA; Schema: experiments; Owner: -
--

COPY experiments.outbox (id, seq, subject, envelope, created_at, published_at) FROM stdin;
evt_01a217c2fb35ee4690989477a1a61ced	61	voicearena.experiments.v1.experiment_cancelled	\\x0a246576745f3031613231376332666233356565343639303938393437376131613631636564120c0887c3a0d80610e09bedd7031a3730302d34663331303064663139613161653334393465353366393661396639653963342d373964653235353431366263386130352d30302291010a41747970652e676f6f676c65617069732e636f6d2f766f6963656172656e612e6578706572696d656e74732e76312e4578706572696d656e7443616e63656c6c6564124c0a246578705f303161323137633266613362383732663961343265356564373964343031373912246465765f3031613231376332633333313633313730633563373230346463356164616131	2026-11-26 12:09:43.986415+00	\N
evt_01a217c2fb5d4b5469ddf2ab85756ac3	62	voicearena.tts.v1.synthesis_requested.experiments	\\x0a246576745f3031613231376332666235643462353436396464663261623835373536616333120b0888c3a0d80610b884860e1a3730302d36653166303537356431373762316530383434666230616433663731356232642d303565653033313061366236623965392d303022d8010a38747970652e676f6f676c65617069732e636f6d2f766f6963656172656e612e7474732e76312e53796e746865736973526571756573746564129b010a0b6578706572696d656e7473122474726c5f3031613231376332666235356139623130613234653431363763306231623433180122246465765f30316132313763326333333136333137306335633732303464633561646161312a0950726f6d707420302e320665737065616b3a05656e2d676252246578705f3031613231376332666134656235633730336534633239613933643365336338	2026-11-26 12:09:44.028231+00	\N
evt_01a217c2fb5dbe30e16a332f7a509c07	63	voicearena.tts.v1.synthesis_requested.experiments	\\x0a246576745f3031613231376332666235646265333065313661333332663761353039633037120b0888c3a0d80610d89a890e1a3730302d36653166303537356431373762316530383434666230616433663731356232642d303565653033313061366236623965392d303022d8010a38747970652e676f6f676c65617069732e636f6d2f766f6963656172656e612e7474732e76312e53796e746865736973526571756573746564129b010a0b6578706572696d656e7473122474726c5f3031613231376332666235353661333135326362623632333839353035613666180122246465765f30316132313763326333333136333137306335633732303464633561646161312a0950726f6d707420302e320665737065616b3a05656e2d757352246578705f3031613231376332666134656235633730336534633239613933643365336338	2026-11-26 12:09:44.028231+00	\N
\.


--
-- Data for Name: processed_events; Type: TABLE DATA; Schema: experiments; Owner: -
--

COPY experiments.processed_events (consumer, event_id, processed_at) FROM stdin;
experiments	evt_49c92b9b4840f240516783a3a3c90398	2026-11-26 12:09:30.215956+00
experiments	evt_b5bb2b167548396e946b78ab33319a1a	2026-11-26 12:09:30.253878+00
experiments	evt_c851f6124e257ade350ee72254c57edb	2026-11-26 12:09:30.320643+00
experiments	evt_ff73870cc7ca352681e96b7f1c2ea017	2026-11-26 12:09:30.385196+00
experiments	evt_01a217c2c66c834f405138b66d0a3e24	2026-11-26 12:09:30.53724+00
experiments	evt_01a217c2c68106b219b7ceefbc16903b	2026-11-26 12:09:30.541874+00
experiments	evt_01a217c2c6cc9e193ace7a064ecc40a8	2026-11-26 12:09:30.600406+00
experiments	evt_01a217c2c6c46ec1398fca12a368a83c	2026-11-26 12:09:30.594128+00
experiments	evt_b18bff6332bb4f2e6543dd8496478176	2026-11-26 12:09:31.079687+00
experiments	evt_3f62b01097ada3279cfcdf702a56c575	2026-11-26 12:09:31.141756+00
experiments	evt_01a217c2c8f61dbc30d50e2ee15b6cc6	2026-11-26 12:09:31.150357+00
experiments	evt_01a217c2c93bd53b4c93590e02218628	2026-11-26 12:09:31.209156+00
experiments	evt_48e9094a6b5b480df3005f41b800176e	2026-11-26 12:09:31.211177+00
experiments	evt_f3112939e64b4b3c1b7fdc06998313f9	2026-11-26 12:09:31.276172+00
experiments	evt_01a217c2c9889243d3ca8d9852740c17	2026-11-26 12:09:31.291334+00
experiments	evt_01a217c2c9bca708af38ca37790649a4	2026-11-26 12:09:31.346716+00
experiments	evt_491b32e492adba4906d6106293a9e4dc	2026-11-26 12:09:31.640821+00
experiments	evt_6f2dca9d5f996c45384e6a84b2cd16a0	2026-11-26 12:09:31.687644+00
experiments	evt_01a217c2cb3b41526871bf3cbeffaea1	2026-11-26 12:09:31.747211+00
experiments	evt_01a217c2cb6a3e43dcd7af811ce865d1	2026-11-26 12:09:31.770916+00
experiments	evt_9062a5a7e115cda5e4f8f0f9bd1a870f	2026-11-26 12:09:33.741152+00
experiments	evt_53b292a659fea4af7a1aff656d0c3617	2026-11-26 12:09:33.788059+00
experiments	evt_01a217c2d361505ab4bd0387c7dcf82a	2026-11-26 12:09:33.800949+00
experiments	evt_c7229a077b6b1b83c56721ba7cc333ed	2026-11-26 12:09:33.83375+00
experiments	evt_01a217c2d3a0b74582b07d4c73cd8acc	2026-11-26 12:09:33.887907+00
experiments	evt_9dc63127b3df689a1d32fadcae386f70	2026-11-26 12:09:33.902155+00
experiments	evt_01a217c2d3d6d1b7ff37be9bb3c12191	2026-11-26 12:09:33.929192+00
experiments	evt_01a217c2d41bed13d20fb0c74d67580c	2026-11-26 12:09:33.994788+00
experiments	evt_290e4f99961d59e0e37677534cbc0345	2026-11-26 12:09:40.45786+00
experiments	evt_e3dfcc8478c8f46f97e8cac0313d0740	2026-11-26 12:09:40.45757+00
experiments	evt_3578384577f726b2ddf186f033638c09	2026-11-26 12:09:40.521728+00
experiments	evt_01a217c2edc264e2d37a39d3c2d479b1	2026-11-26 12:09:40.57143+00
experiments	evt_4b22e912274fb1c49c406a80901c8c64	2026-11-26 12:09:40.571484+00
experiments	evt_01a217c2ee074d9fff76211721bd1d6e	2026-11-26 12:09:40.621865+00
experiments	evt_91ad425cc1d5d7b0543177cb49c7444b	2026-11-26 12:09:40.931592+00
experiments	evt_01a217c2ef6559086c0aef3377eb775a	2026-11-26 12:09:40.975676+00
experiments	evt_43a4d351e0b76c1c684bd82b552c05b4	2026-11-26 12:09:40.980669+00
experiments	evt_0f1fe09b95465054f8fe6ac6ce0b62f5	2026-11-26 12:09:41.062373+00
experiments	evt_01a217c2efd18c81c18dd514c6bd874d	2026-11-26 12:09:41.102047+00
experiments	evt_01a217c2f001108109d76f58d05ed63d	2026-11-26 12:09:41.213217+00
experiments	evt_f6965bcc3b5db7e3bbd17e8090f9bbb0	2026-11-26 12:09:41.140374+00
experiments	evt_01a217c2f0c8966c743aa27a862b5714	2026-11-26 12:09:41.343191+00
experiments	evt_3acba68f56d241c8a46c5fdedc055cd6	2026-11-26 12:09:42.599424+00
experiments	evt_1d8c5bebcbf8d515646758e75da1883a	2026-11-26 12:09:42.614205+00
experiments	evt_01a217c2f5f7d74c2d3e660391afc519	2026-11-26 12:09:42.655665+00
experiments	evt_02ae137e49d324d0c926794434be2e19	2026-11-26 12:09:43.155597+00
experiments	evt_01a217c2f80f06a95c18d21834f48a60	2026-11-26 12:09:43.196475+00
experiments	evt_ca5fec3265f57498ef6c3c3e17078296	2026-11-26 12:09:43.687691+00
\.


--
-- Data for Name: providers; Type: TABLE DATA; Schema: experiments; Owner: -
--

COPY experiments.providers (id, max_concurrency, local, updated_at) FROM stdin;
cartesia	2	f	2026-11-26 12:09:28.172112+00
deepgram	15	f	2026-11-26 12:09:28.188827+00
elevenlabs	2	f	2026-11-26 12:09:28.206804+00
flite	2	t	2026-11-26 12:09:28.261118+00
holding	1	f	2026-11-26 12:09:28.26391+00
espeak	2	t	2026-11-26 12:09:28.248574+00
mending	1	f	2026-11-26 12:09:28.266198+00
openai	4	f	2026-11-26 12:09:28.26806+00
smallestai	15	f	2026-11-26 12:09:28.269926+00
standin	1	f	2026-11-26 12:09:28.270771+00
\.


--
-- Data for Name: trials; Type: TABLE DATA; Schema: experiments; Owner: -
--

COPY experiments.trials (id, experiment_id, prompt_index, model_index, prompt_text, provider, voice_id, model_id, speed, status, attempts, requested_at, audio_name, error_message, created_at, ended_at, duration_seconds, ttfb_ms, generation_time_ms, ttfa_ms, leading_silence_ms, real_time_factor, connect_ms, connection_reused, transport, sample_rate_hz, region, silence_ratio, trailing_silence_ms, peak, clipping_ratio, loudness_lufs, dc_offset, repeat_index, "position", language, seed, provider_requests, error_kind, audio_deleted_at, released_at, naturalness_mos, word_error_rate, prosody_score, attempts_before, moved_in) FROM stdin;
trl_01a217c2c41973049043c08b458b7063	exp_01a217c2c3cbac6392145c6f6d4272a1	0	1	Prompt 0.	standin	bright	tts-1	\N	completed	1	2026-11-26 12:09:30.261936+00	trl_01a217c2c41973049043c08b458b7063.wav		2026-11-26 12:09:29.881329+00	2026-11-26 12:09:30.54294+00	0.5	0.8848359993862687	1.0769119999167742	91.88483599938627	91	0.0021538239998335484	\N	t	http/1.1	24000	\N	0.21866666666666668	0	0.25	0	-16.31688245105852	-2.5431315104166666e-09	0	1	\N	\N	1		\N	2026-11-26 12:09:30.222462+00	\N	\N	\N	0	806
trl_01a217c2c4196deef07eddcdb0c1d21c	exp_01a217c2c3cbac6392145c6f6d4272a1	0	0	Prompt 0.	standin	calm	tts-1	\N	completed	1	2026-11-26 12:09:30.217768+00	trl_01a217c2c4196deef07eddcdb0c1d21c.wav		2026-11-26 12:09:29.881329+00	2026-11-26 12:09:30.574169+00	0.4	1.0063360005005961	1.1838800000987248	92.0063360005006	91	0.002959700000246812	\N	t	http/1.1	24000	\N	0.2675	0	0.25	0	-16.9866763015467	-6.357828776041667e-09	0	0	\N	\N	2		\N	2026-11-26 12:09:29.918781+00	\N	\N	\N	0	809
trl_01a217c2c4198a77bb32e03ca6749aab	exp_01a217c2c3cbac6392145c6f6d4272a1	1	1	Prompt 1.	standin	bright	tts-1	\N	completed	1	2026-11-26 12:09:30.38751+00	trl_01a217c2c4198a77bb32e03ca6749aab.wav		2026-11-26 12:09:29.881329+00	2026-11-26 12:09:30.603549+00	0.5	2.194442000472918	2.382282000326086	93.19444200047292	91	0.004764564000652172	\N	t	http/1.1	24000	\N	0.21866666666666668	0	0.25	0	-16.31688245105852	-2.5431315104166666e-09	0	3	\N	\N	1		\N	2026-11-26 12:09:30.334051+00	\N	\N	\N	0	811
trl_01a217c2c41964f688dfb5fd7fd6ac8f	exp_01a217c2c3cbac6392145c6f6d4272a1	1	0	Prompt 1.	standin	calm	tts-1	\N	completed	1	2026-11-26 12:09:30.33231+00	trl_01a217c2c41964f688dfb5fd7fd6ac8f.wav		2026-11-26 12:09:29.881329+00	2026-11-26 12:09:30.610111+00	0.4	1.085234000129276	1.253463999091764	92.08523400012928	91	0.00313365999772941	\N	t	http/1.1	24000	\N	0.2675	0	0.25	0	-16.9866763015467	-6.357828776041667e-09	0	2	\N	\N	1		\N	2026-11-26 12:09:30.268058+00	\N	\N	\N	0	812
trl_01a217c2c86f9991a1a93233fbe8aec8	exp_01a217c2c83465a729061b91ac692826	0	1	Prompt 0.	standin	bright	tts-1	\N	completed	1	2026-11-26 12:09:31.081005+00	trl_01a217c2c86f9991a1a93233fbe8aec8.wav		2026-11-26 12:09:30.991465+00	2026-11-26 12:09:31.171246+00	0.5	4.140817000006791	4.330568999648676	95.14081700000679	91	0.008661137999297353	\N	t	http/1.1	24000	\N	0.21866666666666668	0	0.25	0	-16.31688245105852	-2.5431315104166666e-09	0	0	\N	\N	2		\N	2026-11-26 12:09:31.019619+00	\N	\N	\N	0	827
trl_01a217c2c86fdbb0a6a26eaf6517b164	exp_01a217c2c83465a729061b91ac692826	0	0	Prompt 0.	standin	calm	tts-1	\N	completed	1	2026-11-26 12:09:31.151609+00	trl_01a217c2c86fdbb0a6a26eaf6517b164.wav		2026-11-26 12:09:30.991465+00	2026-11-26 12:09:31.213986+00	0.4	1.04025700056809	1.2040700003126403	92.04025700056809	91	0.003010175000781601	\N	t	http/1.1	24000	\N	0.2675	0	0.25	0	-16.9866763015467	-6.357828776041667e-09	0	1	\N	\N	1		\N	2026-11-26 12:09:31.085367+00	\N	\N	\N	0	832
trl_01a217c2c86fd91f8dddf52b1450ab64	exp_01a217c2c83465a729061b91ac692826	1	1	Prompt 1.	standin	bright	tts-1	\N	completed	1	2026-11-26 12:09:31.217815+00	trl_01a217c2c86fd91f8dddf52b1450ab64.wav		2026-11-26 12:09:30.991465+00	2026-11-26 12:09:31.303103+00	0.5	0.8769039995968342	1.0473170004843269	91.87690399959683	91	0.0020946340009686537	\N	t	http/1.1	24000	\N	0.21866666666666668	0	0.25	0	-16.31688245105852	-2.5431315104166666e-09	0	2	\N	\N	1		\N	2026-11-26 12:09:31.156545+00	\N	\N	\N	0	839
trl_01a217c2c86fdf36ee8c14443abe9d5f	exp_01a217c2c83465a729061b91ac692826	1	0	Prompt 1.	standin	calm	tts-1	\N	completed	1	2026-11-26 12:09:31.281086+00	trl_01a217c2c86fdf36ee8c14443abe9d5f.wav		2026-11-26 12:09:30.991465+00	2026-11-26 12:09:31.358086+00	0.4	1.07789300091099	1.3415749999694526	92.07789300091099	91	0.0033539374999236315	\N	t	http/1.1	24000	\N	0.2675	0	0.25	0	-16.9866763015467	-6.357828776041667e-09	0	3	\N	\N	1		\N	2026-11-26 12:09:31.221303+00	\N	\N	\N	0	844
trl_01a217c2cab771ad03c6d29a4fd8d0c8	exp_01a217c2ca9cb307f16925bc9d07d037	0	0	Prompt 0.	standin	calm	tts-1	\N	completed	1	2026-11-26 12:09:31.641932+00	trl_01a217c2cab771ad03c6d29a4fd8d0c8.wav		2026-11-26 12:09:31.575113+00	2026-11-26 12:09:31.748192+00	0.4	2.3479410010622814	2.814415000102599	93.34794100106228	91	0.007036037500256498	\N	t	http/1.1	24000	\N	0.2675	0	0.25	0	-16.9866763015467	-6.357828776041667e-09	0	0	\N	\N	2		\N	2026-11-26 12:09:31.58413+00	\N	\N	\N	0	860
trl_01a217c2cab7d2fd34c5c2126825471d	exp_01a217c2ca9cb307f16925bc9d07d037	0	1	Prompt 0.	standin	bright	tts-1	\N	completed	1	2026-11-26 12:09:31.692191+00	trl_01a217c2cab7d2fd34c5c2126825471d.wav		2026-11-26 12:09:31.575113+00	2026-11-26 12:09:31.773839+00	0.5	3.769375000047148	3.96587700015516	94.76937500004715	91	0.00793175400031032	\N	t	http/1.1	24000	\N	0.21866666666666668	0	0.25	0	-16.31688245105852	-2.5431315104166666e-09	0	1	\N	\N	1		\N	2026-11-26 12:09:31.642912+00	\N	\N	\N	0	863
trl_01a217c2d2ef2246cd6917c7e0771dfb	exp_01a217c2d2b80a847e044cbac656dacf	1	1	Prompt 1.	standin	bright	tts-1	\N	completed	1	2026-11-26 12:09:33.745018+00	trl_01a217c2d2ef2246cd6917c7e0771dfb.wav		2026-11-26 12:09:33.679017+00	2026-11-26 12:09:33.816064+00	0.5	5.967021999822464	6.194259998665075	96.96702199982246	91	0.01238851999733015	\N	t	http/1.1	24000	\N	0.21866666666666668	0	0.25	0	-16.31688245105852	-2.5431315104166666e-09	0	0	\N	\N	2		\N	2026-11-26 12:09:33.700129+00	\N	\N	\N	0	882
trl_01a217c2d2eff22d8fe23d6e1b228aac	exp_01a217c2d2b80a847e044cbac656dacf	1	0	Prompt 1.	standin	calm	tts-1	\N	completed	1	2026-11-26 12:09:33.794249+00	trl_01a217c2d2eff22d8fe23d6e1b228aac.wav		2026-11-26 12:09:33.679017+00	2026-11-26 12:09:33.894098+00	0.4	0.843544999952428	1.0417690009489888	91.84354499995243	91	0.002604422502372472	\N	t	http/1.1	24000	\N	0.2675	0	0.25	0	-16.9866763015467	-6.357828776041667e-09	0	1	\N	\N	1		\N	2026-11-26 12:09:33.746977+00	\N	\N	\N	0	889
trl_01a217c2d2efb34184ad2f38f65e9808	exp_01a217c2d2b80a847e044cbac656dacf	0	0	Prompt 0.	standin	calm	tts-1	\N	completed	1	2026-11-26 12:09:33.837841+00	trl_01a217c2d2efb34184ad2f38f65e9808.wav		2026-11-26 12:09:33.679017+00	2026-11-26 12:09:33.935731+00	0.4	1.161737000074936	1.3665219994436484	92.16173700007494	91	0.003416304998609121	\N	t	http/1.1	24000	\N	0.2675	0	0.25	0	-16.9866763015467	-6.357828776041667e-09	0	2	\N	\N	1		\N	2026-11-26 12:09:33.796937+00	\N	\N	\N	0	894
trl_01a217c2d2ef2ee896855d8e333441ed	exp_01a217c2d2b80a847e044cbac656dacf	0	1	Prompt 0.	standin	bright	tts-1	\N	completed	1	2026-11-26 12:09:33.908047+00	trl_01a217c2d2ef2ee896855d8e333441ed.wav		2026-11-26 12:09:33.679017+00	2026-11-26 12:09:34.004787+00	0.5	1.3729010006500175	1.5489229990635067	92.37290100065002	91	0.0030978459981270134	\N	t	http/1.1	24000	\N	0.21866666666666668	0	0.25	0	-16.31688245105852	-2.5431315104166666e-09	0	3	\N	\N	1		\N	2026-11-26 12:09:33.840176+00	\N	\N	\N	0	899
trl_01a217c2ecc22272716297f9e389134d	exp_01a217c2ecada848f630aa1fb9bcefc6	1	0	Prompt 1.	standin	calm	tts-1	\N	completed	1	2026-11-26 12:09:40.487641+00	trl_01a217c2ecc22272716297f9e389134d.wav		2026-11-26 12:09:40.290781+00	2026-11-26 12:09:40.575561+00	0.4	1.910421000502538	2.056547999018221	92.91042100050254	91	0.005141369997545553	\N	t	http/1.1	24000	\N	0.2675	0	0.25	0	-16.9866763015467	-6.357828776041667e-09	0	1	\N	\N	2		\N	2026-11-26 12:09:40.300669+00	\N	\N	\N	0	939
trl_01a217c2ecc32961b861a241f2ace562	exp_01a217c2ecada848f630aa1fb9bcefc6	0	0	Prompt 0.	standin	calm	tts-1	\N	completed	1	2026-11-26 12:09:40.580599+00	trl_01a217c2ecc32961b861a241f2ace562.wav		2026-11-26 12:09:40.290781+00	2026-11-26 12:09:40.622888+00	0.4	3.664959000161616	3.8314670000545448	94.66495900016162	91	0.009578667500136362	\N	t	http/1.1	24000	\N	0.2675	0	0.25	0	-16.9866763015467	-6.357828776041667e-09	0	3	\N	\N	1		\N	2026-11-26 12:09:40.495236+00	\N	\N	\N	0	945
trl_01a217c2ecc36303ebed03ee9a494d32	exp_01a217c2ecada848f630aa1fb9bcefc6	0	1	Prompt 0.	mending	lost	tts-1	\N	pending	1	2026-11-26 12:09:40.699261+00	\N		2026-11-26 12:09:40.290781+00	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	0	2	\N	\N	1		\N	2026-11-26 12:09:40.470816+00	\N	\N	\N	1	947
trl_01a217c2eebf42013a6f77be96bf909f	exp_01a217c2ee91f7f1aadfeddba6426255	1	0	Prompt 1.	standin	calm	tts-1	\N	completed	1	2026-11-26 12:09:40.98776+00	trl_01a217c2eebf42013a6f77be96bf909f.wav		2026-11-26 12:09:40.799038+00	2026-11-26 12:09:41.103067+00	0.4	2.242630000182544	2.696434999961639	93.24263000018254	91	0.006741087499904097	\N	t	http/1.1	24000	\N	0.2675	0	0.25	0	-16.9866763015467	-6.357828776041667e-09	0	1	\N	\N	1		\N	2026-11-26 12:09:40.934497+00	\N	\N	\N	0	966
trl_01a217c2eebfe319ac463e57d20ef197	exp_01a217c2ee91f7f1aadfeddba6426255	0	0	Prompt 0.	standin	calm	tts-1	\N	completed	1	2026-11-26 12:09:41.269476+00	trl_01a217c2eebfe319ac463e57d20ef197.wav		2026-11-26 12:09:40.799038+00	2026-11-26 12:09:41.347453+00	0.4	20.804353000130504	20.98065499922086	111.8043530001305	91	0.05245163749805215	\N	t	http/1.1	24000	\N	0.2675	0	0.25	0	-16.9866763015467	-6.357828776041667e-09	0	3	\N	\N	1		\N	2026-11-26 12:09:41.074917+00	\N	\N	\N	0	977
trl_01a217c2ecc27e1950873a19b9308517	exp_01a217c2ecada848f630aa1fb9bcefc6	1	1	Prompt 1.	mending	lost	tts-1	\N	synthesizing	4	2026-11-26 12:09:43.761103+00	\N		2026-11-26 12:09:40.290781+00	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	0	0	\N	\N	2		\N	2026-11-26 12:09:40.718023+00	\N	\N	\N	1	1009
trl_01a217c2eebf96c2404c24469c6cc612	exp_01a217c2ee91f7f1aadfeddba6426255	1	1	Prompt 1.	standin	bright	tts-1	\N	completed	1	2026-11-26 12:09:40.932486+00	trl_01a217c2eebf96c2404c24469c6cc612.wav		2026-11-26 12:09:40.799038+00	2026-11-26 12:09:40.978635+00	0.5	2.8185699993628077	3.041021000171895	93.81856999936281	91	0.00608204200034379	\N	t	http/1.1	24000	\N	0.21866666666666668	0	0.25	0	-16.31688245105852	-2.5431315104166666e-09	0	0	\N	\N	2		\N	2026-11-26 12:09:40.812458+00	\N	\N	\N	0	959
trl_01a217c2fb55a9b10a24e4167c0b1b43	exp_01a217c2fa4eb5c703e4c29a93d3e3c8	0	1	Prompt 0.	espeak	en-gb		\N	synthesizing	1	2026-11-26 12:09:44.028115+00	\N		2026-11-26 12:09:44.021344+00	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	0	0	\N	\N	0		\N	2026-11-26 12:09:44.028115+00	\N	\N	\N	0	1021
trl_01a217c2fb556a3152cbb62389505a6f	exp_01a217c2fa4eb5c703e4c29a93d3e3c8	0	0	Prompt 0.	espeak	en-us		\N	synthesizing	1	2026-11-26 12:09:44.028115+00	\N		2026-11-26 12:09:44.021344+00	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	0	1	\N	\N	0		\N	2026-11-26 12:09:44.028115+00	\N	\N	\N	0	1021
trl_01a217c2eebf71acb3a07e3585d0633d	exp_01a217c2ee91f7f1aadfeddba6426255	0	1	Prompt 0.	standin	bright	tts-1	\N	completed	1	2026-11-26 12:09:41.069458+00	trl_01a217c2eebf71acb3a07e3585d0633d.wav		2026-11-26 12:09:40.799038+00	2026-11-26 12:09:41.223984+00	0.5	1.6020820003177505	2.0911490009893896	92.60208200031775	91	0.004182298001978779	\N	t	http/1.1	24000	\N	0.21866666666666668	0	0.25	0	-16.31688245105852	-2.5431315104166666e-09	0	2	\N	\N	1		\N	2026-11-26 12:09:40.988835+00	\N	\N	\N	0	971
trl_01a217c2f19bc286fdfea5011299529c	exp_01a217c2f17ba6e3b81a9cabe3cd04e4	2	1	Prompt 2.	holding	held	tts-1	\N	pending	0	2026-11-26 12:09:41.531307+00	\N		2026-11-26 12:09:41.531307+00	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	0	2	\N	\N	0		\N	\N	\N	\N	\N	0	982
trl_01a217c2f19b69d969048ba50c0fc26c	exp_01a217c2f17ba6e3b81a9cabe3cd04e4	1	1	Prompt 1.	holding	held	tts-1	\N	pending	0	2026-11-26 12:09:41.531307+00	\N		2026-11-26 12:09:41.531307+00	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	0	5	\N	\N	0		\N	\N	\N	\N	\N	0	982
trl_01a217c2f19bdea2eacde342d90c74ed	exp_01a217c2f17ba6e3b81a9cabe3cd04e4	0	1	Prompt 0.	holding	held	tts-1	\N	pending	0	2026-11-26 12:09:41.531307+00	\N		2026-11-26 12:09:41.531307+00	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	0	6	\N	\N	0		\N	\N	\N	\N	\N	0	982
trl_01a217c2f19b18417523578f60fbd7e9	exp_01a217c2f17ba6e3b81a9cabe3cd04e4	3	0	Prompt 3.	standin	calm	tts-1	\N	pending	0	2026-11-26 12:09:41.531307+00	\N		2026-11-26 12:09:41.531307+00	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	0	8	\N	\N	0		\N	\N	\N	\N	\N	0	982
trl_01a217c2f19bc9edb76c0e19232f7631	exp_01a217c2f17ba6e3b81a9cabe3cd04e4	3	1	Prompt 3.	holding	held	tts-1	\N	pending	0	2026-11-26 12:09:41.531307+00	\N		2026-11-26 12:09:41.531307+00	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	0	9	\N	\N	0		\N	\N	\N	\N	\N	0	982
trl_01a217c2f19bf81d8f48f3dd38ed2247	exp_01a217c2f17ba6e3b81a9cabe3cd04e4	5	1	Prompt 5.	holding	held	tts-1	\N	pending	0	2026-11-26 12:09:41.531307+00	\N		2026-11-26 12:09:41.531307+00	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	0	10	\N	\N	0		\N	\N	\N	\N	\N	0	982
trl_01a217c2f19b202b26c5cace74b85d1d	exp_01a217c2f17ba6e3b81a9cabe3cd04e4	5	0	Prompt 5.	standin	calm	tts-1	\N	pending	0	2026-11-26 12:09:41.531307+00	\N		2026-11-26 12:09:41.531307+00	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	0	11	\N	\N	0		\N	\N	\N	\N	\N	0	982
trl_01a217c2f19b1508ce7a91d42d614b36	exp_01a217c2f17ba6e3b81a9cabe3cd04e4	4	1	Prompt 4.	holding	held	tts-1	\N	synthesizing	2	2026-11-26 12:09:42.596933+00	\N		2026-11-26 12:09:41.531307+00	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	0	0	\N	\N	0		\N	2026-11-26 12:09:41.560122+00	\N	\N	\N	0	990
trl_01a217c2f19ba5ba34c28aaa5be4c554	exp_01a217c2f17ba6e3b81a9cabe3cd04e4	4	0	Prompt 4.	standin	calm	tts-1	\N	completed	1	2026-11-26 12:09:42.62067+00	trl_01a217c2f19ba5ba34c28aaa5be4c554.wav		2026-11-26 12:09:41.531307+00	2026-11-26 12:09:42.657213+00	0.4	501.8334929991397	501.9982479989267	592.8334929991397	91	1.2549956199973167	\N	t	http/1.1	24000	\N	0.2675	0	0.25	0	-16.9866763015467	-6.357828776041667e-09	0	1	\N	\N	2		\N	2026-11-26 12:09:41.559594+00	\N	\N	\N	0	999
trl_01a217c2f19b0bae7a2b533f206f6ee2	exp_01a217c2f17ba6e3b81a9cabe3cd04e4	2	0	Prompt 2.	standin	calm	tts-1	\N	completed	1	2026-11-26 12:09:43.156968+00	trl_01a217c2f19b0bae7a2b533f206f6ee2.wav		2026-11-26 12:09:41.531307+00	2026-11-26 12:09:43.198045+00	0.4	503.6766430002899	503.8718039995729	594.6766430002899	91	1.2596795099989322	\N	t	http/1.1	24000	\N	0.2675	0	0.25	0	-16.9866763015467	-6.357828776041667e-09	0	3	\N	\N	1		\N	2026-11-26 12:09:42.624072+00	\N	\N	\N	0	1005
trl_01a217c2f19bbb404df9a2b441d544f7	exp_01a217c2f17ba6e3b81a9cabe3cd04e4	1	0	Prompt 1.	standin	calm	tts-1	\N	scoring	1	2026-11-26 12:09:43.692407+00	trl_01a217c2f19bbb404df9a2b441d544f7.wav		2026-11-26 12:09:41.531307+00	\N	0.4	501.85682800110953	502.0470510007726	592.8568280011095	91	1.2551176275019316	\N	t	http/1.1	24000	\N	\N	\N	\N	\N	\N	\N	0	4	\N	\N	1		\N	2026-11-26 12:09:43.157866+00	\N	\N	\N	0	1006
trl_01a217c2f19b33b668f7607102d08a98	exp_01a217c2f17ba6e3b81a9cabe3cd04e4	0	0	Prompt 0.	standin	calm	tts-1	\N	synthesizing	1	2026-11-26 12:09:43.693126+00	\N		2026-11-26 12:09:41.531307+00	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	0	7	\N	\N	0		\N	2026-11-26 12:09:43.693126+00	\N	\N	\N	0	1006
\.


--
-- Data for Name: webhook_attempts; Type: TABLE DATA; Schema: experiments; Owner: -
--

COPY experiments.webhook_attempts (id, delivery_id, attempted_at, response_status, error, duration_ms, by_hand) FROM stdin;
1	msg_01a217c2c7505e2b41c658d8e737e856	2026-11-26 12:09:30.748819+00	200		63.37375799921574	f
2	msg_01a217c2c9ebf34ad8dbcd1fa9e26a26	2026-11-26 12:09:31.408089+00	410	it answered 410	33.10697500091919	f
3	msg_01a217c2f107af31b28f8724d999d89b	2026-11-26 12:09:41.424624+00	500	it answered 500	35.70586000023468	f
\.


--
-- Data for Name: webhook_deliveries; Type: TABLE DATA; Schema: experiments; Owner: -
--

COPY experiments.webhook_deliveries (id, experiment_id, endpoint_id, type, body, status, attempts_made, next_attempt_at, asked_at, lease, leased_until, error_message, traceparent, created_at) FROM stdin;
msg_01a217c2c7505e2b41c658d8e737e856	exp_01a217c2c3cbac6392145c6f6d4272a1	whe_01a217c2c3e7d2cdd03f36a785b9da0e	experiment.completed	\\x7b2274797065223a226578706572696d656e742e636f6d706c65746564222c2274696d657374616d70223a22323032362d31312d32365431323a30393a33302e3639355a222c2264617461223a7b226578706572696d656e745f6964223a226578705f3031613231376332633363626163363339323134356336663664343237326131222c226e616d65223a226f6b222c22737461747573223a22636f6d706c65746564222c2277696e6e6572223a6e756c6c2c22746f74616c5f747269616c73223a342c22636f6d706c657465645f747269616c73223a342c226661696c65645f747269616c73223a302c226572726f725f6d657373616765223a22222c22726573756c74735f75726c223a22687474703a2f2f6c6f63616c686f73743a32373833322f6170692f76312f6578706572696d656e74732f6578705f30316132313763326333636261633633393231343563366636643432373261312f726573756c7473227d7d	delivered	1	\N	\N	\N	\N		00-d3e93b77252f16f7e5b000520f968359-0901390723633fe4-00	2026-11-26 12:09:30.704617+00
msg_01a217c2c9ebf34ad8dbcd1fa9e26a26	exp_01a217c2c83465a729061b91ac692826	whe_01a217c2c84d4622f853fd6d9e783487	experiment.completed	\\x7b2274797065223a226578706572696d656e742e636f6d706c65746564222c2274696d657374616d70223a22323032362d31312d32365431323a30393a33312e3336345a222c2264617461223a7b226578706572696d656e745f6964223a226578705f3031613231376332633833343635613732393036316239316163363932383236222c226e616d65223a22676f6e65222c22737461747573223a22636f6d706c65746564222c2277696e6e6572223a6e756c6c2c22746f74616c5f747269616c73223a342c22636f6d706c657465645f747269616c73223a342c226661696c65645f747269616c73223a302c226572726f725f6d657373616765223a22222c22726573756c74735f75726c223a22687474703a2f2f6c6f63616c686f73743a32373833322f6170692f76312f6578706572696d656e74732f6578705f30316132313763326338333436356137323930363162393161633639323832362f726573756c7473227d7d	failed	1	\N	\N	\N	\N	the endpoint was disabled: it answered 410, which says that it wants no more	00-a394d85b05e5056e810cc2703bc7a55f-605f9f0c58a1ae8c-00	2026-11-26 12:09:31.371906+00
msg_01a217c2f107af31b28f8724d999d89b	exp_01a217c2ee91f7f1aadfeddba6426255	whe_01a217c2c38603bad2e5c87d46fe6c9c	experiment.completed	\\x7b2274797065223a226578706572696d656e742e636f6d706c65746564222c2274696d657374616d70223a22323032362d31312d32365431323a30393a34312e3337325a222c2264617461223a7b226578706572696d656e745f6964223a226578705f3031613231376332656539316637663161616466656464626136343236323535222c226e616d65223a226661696c696e67222c22737461747573223a22636f6d706c65746564222c2277696e6e6572223a6e756c6c2c22746f74616c5f747269616c73223a342c22636f6d706c657465645f747269616c73223a342c226661696c65645f747269616c73223a302c226572726f725f6d657373616765223a22222c22726573756c74735f75726c223a22687474703a2f2f6c6f63616c686f73743a32373833322f6170692f76312f6578706572696d656e74732f6578705f30316132313763326565393166376631616164666564646261363432363235352f726573756c7473227d7d	pending	1	2026-11-26 12:09:46.908635+00	\N	\N	\N	it answered 500	00-33ce88ed27bb713a3b75fd404a46524b-2dcdf265895426d8-00	2026-11-26 12:09:41.383458+00
\.


--
-- Data for Name: webhook_endpoints; Type: TABLE DATA; Schema: experiments; Owner: -
--

COPY experiments.webhook_endpoints (id, developer_id, url, request_id, untold_experiment_id, disabled_reason, secret, old_secret, old_secret_expires_at, secret_rotated_at, paused_until, created_at, request_fingerprint) FROM stdin;
whe_01a217c2c38603bad2e5c87d46fe6c9c	dev_01a217c2c33163170c5c7204dc5adaa1	http://127.0.0.1:9/failing	\N	\N		\\xdf362d3eed59fd1c37ddacbbc05f6ec3c0f48fdfaf6f1f95ff8d6d9ed3be2a6ff0658d5352625bbaec88aaaf104f91fc7dd1d0a16dd0d6e921366a8b	\N	\N	\N	\N	2026-11-26 12:09:29.734548+00	\N
whe_01a217c2c3e7d2cdd03f36a785b9da0e	dev_01a217c2c33163170c5c7204dc5adaa1	http://127.0.0.1:9/ok	\N	\N		\\xb92950e8aabd51349c3b7de280b040f842e667ea887e44374bbe40383945c5ce9f02d864ffb8b22f3daf170543d62d05408981e5d4db7ec776770d7c	\N	\N	\N	\N	2026-11-26 12:09:29.831879+00	\N
whe_01a217c2c84d4622f853fd6d9e783487	dev_01a217c2c33163170c5c7204dc5adaa1	http://127.0.0.1:9/gone	\N	\N	it answered 410, which says that it wants no more	\\x402a59246de112224d82a3f330c168b28d867b2aa437408df6531f2379d3d6acebb233b09df3b1814d35953ddfe33c24053138ac81e286c5daa5a616	\N	\N	\N	\N	2026-11-26 12:09:30.957677+00	\N
\.


--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: scoring; Owner: -
--

COPY scoring.alembic_version (version_num) FROM stdin;
0001
\.


--
-- Data for Name: evaluations; Type: TABLE DATA; Schema: scoring; Owner: -
--

COPY scoring.evaluations (id, attempt, developer_id, audio_name, status, signal_metrics, error_message, created_at, completed_at) FROM stdin;
trl_01a217c2c41973049043c08b458b7063	1	dev_01a217c2c33163170c5c7204dc5adaa1	trl_01a217c2c41973049043c08b458b7063.wav	completed	{"rms": 0.1581014995052658, "peak": 0.25, "audible": true, "backend": "voicearena-signal/1", "dc_offset": -0.0000000025431315104166666, "loudness_lufs": -16.31688245105852, "silence_ratio": 0.21866666666666668, "clipping_ratio": 0.0, "duration_seconds": 0.5, "leading_silence_ms": 91.0, "trailing_silence_ms": 0.0}		2026-11-26 12:09:30.277746+00	2026-11-26 12:09:30.436973+00
trl_01a217c2c4196deef07eddcdb0c1d21c	1	dev_01a217c2c33163170c5c7204dc5adaa1	trl_01a217c2c4196deef07eddcdb0c1d21c.wav	completed	{"rms": 0.15308111410652503, "peak": 0.25, "audible": true, "backend": "voicearena-signal/1", "dc_offset": -0.000000006357828776041667, "loudness_lufs": -16.9866763015467, "silence_ratio": 0.2675, "clipping_ratio": 0.0, "duration_seconds": 0.4, "leading_silence_ms": 91.0, "trailing_silence_ms": 0.0}		2026-11-26 12:09:30.229321+00	2026-11-26 12:09:30.484116+00
trl_01a217c2c41964f688dfb5fd7fd6ac8f	1	dev_01a217c2c33163170c5c7204dc5adaa1	trl_01a217c2c41964f688dfb5fd7fd6ac8f.wav	completed	{"rms": 0.15308111410652503, "peak": 0.25, "audible": true, "backend": "voicearena-signal/1", "dc_offset": -0.000000006357828776041667, "loudness_lufs": -16.9866763015467, "silence_ratio": 0.2675, "clipping_ratio": 0.0, "duration_seconds": 0.4, "leading_silence_ms": 91.0, "trailing_silence_ms": 0.0}		2026-11-26 12:09:30.33849+00	2026-11-26 12:09:30.561273+00
trl_01a217c2c4198a77bb32e03ca6749aab	1	dev_01a217c2c33163170c5c7204dc5adaa1	trl_01a217c2c4198a77bb32e03ca6749aab.wav	completed	{"rms": 0.1581014995052658, "peak": 0.25, "audible": true, "backend": "voicearena-signal/1", "dc_offset": -0.0000000025431315104166666, "loudness_lufs": -16.31688245105852, "silence_ratio": 0.21866666666666668, "clipping_ratio": 0.0, "duration_seconds": 0.5, "leading_silence_ms": 91.0, "trailing_silence_ms": 0.0}		2026-11-26 12:09:30.394265+00	2026-11-26 12:09:30.563753+00
trl_01a217c2c86f9991a1a93233fbe8aec8	1	dev_01a217c2c33163170c5c7204dc5adaa1	trl_01a217c2c86f9991a1a93233fbe8aec8.wav	completed	{"rms": 0.1581014995052658, "peak": 0.25, "audible": true, "backend": "voicearena-signal/1", "dc_offset": -0.0000000025431315104166666, "loudness_lufs": -16.31688245105852, "silence_ratio": 0.21866666666666668, "clipping_ratio": 0.0, "duration_seconds": 0.5, "leading_silence_ms": 91.0, "trailing_silence_ms": 0.0}		2026-11-26 12:09:31.094021+00	2026-11-26 12:09:31.124895+00
trl_01a217c2c86fdbb0a6a26eaf6517b164	1	dev_01a217c2c33163170c5c7204dc5adaa1	trl_01a217c2c86fdbb0a6a26eaf6517b164.wav	completed	{"rms": 0.15308111410652503, "peak": 0.25, "audible": true, "backend": "voicearena-signal/1", "dc_offset": -0.000000006357828776041667, "loudness_lufs": -16.9866763015467, "silence_ratio": 0.2675, "clipping_ratio": 0.0, "duration_seconds": 0.4, "leading_silence_ms": 91.0, "trailing_silence_ms": 0.0}		2026-11-26 12:09:31.160306+00	2026-11-26 12:09:31.194219+00
trl_01a217c2c86fd91f8dddf52b1450ab64	1	dev_01a217c2c33163170c5c7204dc5adaa1	trl_01a217c2c86fd91f8dddf52b1450ab64.wav	completed	{"rms": 0.1581014995052658, "peak": 0.25, "audible": true, "backend": "voicearena-signal/1", "dc_offset": -0.0000000025431315104166666, "loudness_lufs": -16.31688245105852, "silence_ratio": 0.21866666666666668, "clipping_ratio": 0.0, "duration_seconds": 0.5, "leading_silence_ms": 91.0, "trailing_silence_ms": 0.0}		2026-11-26 12:09:31.227367+00	2026-11-26 12:09:31.264048+00
trl_01a217c2c86fdf36ee8c14443abe9d5f	1	dev_01a217c2c33163170c5c7204dc5adaa1	trl_01a217c2c86fdf36ee8c14443abe9d5f.wav	completed	{"rms": 0.15308111410652503, "peak": 0.25, "audible": true, "backend": "voicearena-signal/1", "dc_offset": -0.000000006357828776041667, "loudness_lufs": -16.9866763015467, "silence_ratio": 0.2675, "clipping_ratio": 0.0, "duration_seconds": 0.4, "leading_silence_ms": 91.0, "trailing_silence_ms": 0.0}		2026-11-26 12:09:31.292835+00	2026-11-26 12:09:31.323339+00
trl_01a217c2cab771ad03c6d29a4fd8d0c8	1	dev_01a217c2c33163170c5c7204dc5adaa1	trl_01a217c2cab771ad03c6d29a4fd8d0c8.wav	completed	{"rms": 0.15308111410652503, "peak": 0.25, "audible": true, "backend": "voicearena-signal/1", "dc_offset": -0.000000006357828776041667, "loudness_lufs": -16.9866763015467, "silence_ratio": 0.2675, "clipping_ratio": 0.0, "duration_seconds": 0.4, "leading_silence_ms": 91.0, "trailing_silence_ms": 0.0}		2026-11-26 12:09:31.650819+00	2026-11-26 12:09:31.703532+00
trl_01a217c2cab7d2fd34c5c2126825471d	1	dev_01a217c2c33163170c5c7204dc5adaa1	trl_01a217c2cab7d2fd34c5c2126825471d.wav	completed	{"rms": 0.1581014995052658, "peak": 0.25, "audible": true, "backend": "voicearena-signal/1", "dc_offset": -0.0000000025431315104166666, "loudness_lufs": -16.31688245105852, "silence_ratio": 0.21866666666666668, "clipping_ratio": 0.0, "duration_seconds": 0.5, "leading_silence_ms": 91.0, "trailing_silence_ms": 0.0}		2026-11-26 12:09:31.7067+00	2026-11-26 12:09:31.75301+00
trl_01a217c2d2ef2246cd6917c7e0771dfb	1	dev_01a217c2c33163170c5c7204dc5adaa1	trl_01a217c2d2ef2246cd6917c7e0771dfb.wav	completed	{"rms": 0.1581014995052658, "peak": 0.25, "audible": true, "backend": "voicearena-signal/1", "dc_offset": -0.0000000025431315104166666, "loudness_lufs": -16.31688245105852, "silence_ratio": 0.21866666666666668, "clipping_ratio": 0.0, "duration_seconds": 0.5, "leading_silence_ms": 91.0, "trailing_silence_ms": 0.0}		2026-11-26 12:09:33.754109+00	2026-11-26 12:09:33.791881+00
trl_01a217c2d2eff22d8fe23d6e1b228aac	1	dev_01a217c2c33163170c5c7204dc5adaa1	trl_01a217c2d2eff22d8fe23d6e1b228aac.wav	completed	{"rms": 0.15308111410652503, "peak": 0.25, "audible": true, "backend": "voicearena-signal/1", "dc_offset": -0.000000006357828776041667, "loudness_lufs": -16.9866763015467, "silence_ratio": 0.2675, "clipping_ratio": 0.0, "duration_seconds": 0.4, "leading_silence_ms": 91.0, "trailing_silence_ms": 0.0}		2026-11-26 12:09:33.805086+00	2026-11-26 12:09:33.851465+00
trl_01a217c2d2efb34184ad2f38f65e9808	1	dev_01a217c2c33163170c5c7204dc5adaa1	trl_01a217c2d2efb34184ad2f38f65e9808.wav	completed	{"rms": 0.15308111410652503, "peak": 0.25, "audible": true, "backend": "voicearena-signal/1", "dc_offset": -0.000000006357828776041667, "loudness_lufs": -16.9866763015467, "silence_ratio": 0.2675, "clipping_ratio": 0.0, "duration_seconds": 0.4, "leading_silence_ms": 91.0, "trailing_silence_ms": 0.0}		2026-11-26 12:09:33.856497+00	2026-11-26 12:09:33.90685+00
trl_01a217c2d2ef2ee896855d8e333441ed	1	dev_01a217c2c33163170c5c7204dc5adaa1	trl_01a217c2d2ef2ee896855d8e333441ed.wav	completed	{"rms": 0.1581014995052658, "peak": 0.25, "audible": true, "backend": "voicearena-signal/1", "dc_offset": -0.0000000025431315104166666, "loudness_lufs": -16.31688245105852, "silence_ratio": 0.21866666666666668, "clipping_ratio": 0.0, "duration_seconds": 0.5, "leading_silence_ms": 91.0, "trailing_silence_ms": 0.0}		2026-11-26 12:09:33.923926+00	2026-11-26 12:09:33.976181+00
trl_01a217c2ecc22272716297f9e389134d	1	dev_01a217c2c33163170c5c7204dc5adaa1	trl_01a217c2ecc22272716297f9e389134d.wav	completed	{"rms": 0.15308111410652503, "peak": 0.25, "audible": true, "backend": "voicearena-signal/1", "dc_offset": -0.000000006357828776041667, "loudness_lufs": -16.9866763015467, "silence_ratio": 0.2675, "clipping_ratio": 0.0, "duration_seconds": 0.4, "leading_silence_ms": 91.0, "trailing_silence_ms": 0.0}		2026-11-26 12:09:40.499768+00	2026-11-26 12:09:40.544247+00
trl_01a217c2ecc32961b861a241f2ace562	1	dev_01a217c2c33163170c5c7204dc5adaa1	trl_01a217c2ecc32961b861a241f2ace562.wav	completed	{"rms": 0.15308111410652503, "peak": 0.25, "audible": true, "backend": "voicearena-signal/1", "dc_offset": -0.000000006357828776041667, "loudness_lufs": -16.9866763015467, "silence_ratio": 0.2675, "clipping_ratio": 0.0, "duration_seconds": 0.4, "leading_silence_ms": 91.0, "trailing_silence_ms": 0.0}		2026-11-26 12:09:40.586491+00	2026-11-26 12:09:40.614231+00
trl_01a217c2eebf96c2404c24469c6cc612	1	dev_01a217c2c33163170c5c7204dc5adaa1	trl_01a217c2eebf96c2404c24469c6cc612.wav	completed	{"rms": 0.1581014995052658, "peak": 0.25, "audible": true, "backend": "voicearena-signal/1", "dc_offset": -0.0000000025431315104166666, "loudness_lufs": -16.31688245105852, "silence_ratio": 0.21866666666666668, "clipping_ratio": 0.0, "duration_seconds": 0.5, "leading_silence_ms": 91.0, "trailing_silence_ms": 0.0}		2026-11-26 12:09:40.940684+00	2026-11-26 12:09:40.964324+00
trl_01a217c2eebf71acb3a07e3585d0633d	1	dev_01a217c2c33163170c5c7204dc5adaa1	trl_01a217c2eebf71acb3a07e3585d0633d.wav	completed	{"rms": 0.1581014995052658, "peak": 0.25, "audible": true, "backend": "voicearena-signal/1", "dc_offset": -0.0000000025431315104166666, "loudness_lufs": -16.31688245105852, "silence_ratio": 0.21866666666666668, "clipping_ratio": 0.0, "duration_seconds": 0.5, "leading_silence_ms": 91.0, "trailing_silence_ms": 0.0}		2026-11-26 12:09:41.083808+00	2026-11-26 12:09:41.12015+00
trl_01a217c2f19ba5ba34c28aaa5be4c554	1	dev_01a217c2c33163170c5c7204dc5adaa1	trl_01a217c2f19ba5ba34c28aaa5be4c554.wav	completed	{"rms": 0.15308111410652503, "peak": 0.25, "audible": true, "backend": "voicearena-signal/1", "dc_offset": -0.000000006357828776041667, "loudness_lufs": -16.9866763015467, "silence_ratio": 0.2675, "clipping_ratio": 0.0, "duration_seconds": 0.4, "leading_silence_ms": 91.0, "trailing_silence_ms": 0.0}		2026-11-26 12:09:42.626666+00	2026-11-26 12:09:42.646457+00
trl_01a217c2eebf42013a6f77be96bf909f	1	dev_01a217c2c33163170c5c7204dc5adaa1	trl_01a217c2eebf42013a6f77be96bf909f.wav	completed	{"rms": 0.15308111410652503, "peak": 0.25, "audible": true, "backend": "voicearena-signal/1", "dc_offset": -0.000000006357828776041667, "loudness_lufs": -16.9866763015467, "silence_ratio": 0.2675, "clipping_ratio": 0.0, "duration_seconds": 0.4, "leading_silence_ms": 91.0, "trailing_silence_ms": 0.0}		2026-11-26 12:09:40.994621+00	2026-11-26 12:09:41.072643+00
trl_01a217c2eebfe319ac463e57d20ef197	1	dev_01a217c2c33163170c5c7204dc5adaa1	trl_01a217c2eebfe319ac463e57d20ef197.wav	completed	{"rms": 0.15308111410652503, "peak": 0.25, "audible": true, "backend": "voicearena-signal/1", "dc_offset": -0.000000006357828776041667, "loudness_lufs": -16.9866763015467, "silence_ratio": 0.2675, "clipping_ratio": 0.0, "duration_seconds": 0.4, "leading_silence_ms": 91.0, "trailing_silence_ms": 0.0}		2026-11-26 12:09:41.279707+00	2026-11-26 12:09:41.319384+00
trl_01a217c2f19b0bae7a2b533f206f6ee2	1	dev_01a217c2c33163170c5c7204dc5adaa1	trl_01a217c2f19b0bae7a2b533f206f6ee2.wav	completed	{"rms": 0.15308111410652503, "peak": 0.25, "audible": true, "backend": "voicearena-signal/1", "dc_offset": -0.000000006357828776041667, "loudness_lufs": -16.9866763015467, "silence_ratio": 0.2675, "clipping_ratio": 0.0, "duration_seconds": 0.4, "leading_silence_ms": 91.0, "trailing_silence_ms": 0.0}		2026-11-26 12:09:43.161449+00	2026-11-26 12:09:43.182602+00
\.


--
-- Data for Name: outbox; Type: TABLE DATA; Schema: scoring; Owner: -
--

COPY scoring.outbox (id, seq, subject, envelope, created_at, published_at) FROM stdin;
\.


--
-- Data for Name: processed_events; Type: TABLE DATA; Schema: scoring; Owner: -
--

COPY scoring.processed_events (consumer, event_id, processed_at) FROM stdin;
scoring	evt_01a217c2c5a5585976c5e556fddb2b07	2026-11-26 12:09:30.42061+00
scoring	evt_01a217c2c575ca4a70a99acb71bb7375	2026-11-26 12:09:30.475986+00
scoring	evt_01a217c2c5e2634a332e273cd428b9fd	2026-11-26 12:09:30.559473+00
scoring	evt_01a217c2c61a27bd6fc90237dafcd644	2026-11-26 12:09:30.560886+00
scoring	evt_01a217c2c8d567c4356e8c0a607a8f71	2026-11-26 12:09:31.124296+00
scoring	evt_01a217c2c9189a04d38ee501bc9988db	2026-11-26 12:09:31.193671+00
scoring	evt_01a217c2c95b4f259e3b02b059b52899	2026-11-26 12:09:31.257153+00
scoring	evt_01a217c2c99ccde69582193a45cd25c2	2026-11-26 12:09:31.322698+00
scoring	evt_01a217c2cb02e9d0c234dbd750ee80ec	2026-11-26 12:09:31.69873+00
scoring	evt_01a217c2cb3a614f63e4ed5f224b6616	2026-11-26 12:09:31.752525+00
scoring	evt_01a217c2d33a47e424094f4c6cd23be9	2026-11-26 12:09:33.791374+00
scoring	evt_01a217c2d36d6662efc174157f47fbf6	2026-11-26 12:09:33.844257+00
scoring	evt_01a217c2d3a00f9b0546e30dafb8fd21	2026-11-26 12:09:33.90625+00
scoring	evt_01a217c2d3e3431d5803a630d8c6b914	2026-11-26 12:09:33.97535+00
scoring	evt_01a217c2ed93cc2e6c4a76fb60c7ab57	2026-11-26 12:09:40.543264+00
scoring	evt_01a217c2edea1286d37ea21e65890873	2026-11-26 12:09:40.613679+00
scoring	evt_01a217c2ef4c9577871298f3359d270a	2026-11-26 12:09:40.963823+00
scoring	evt_01a217c2ef8270ddabea5101e53ab9f3	2026-11-26 12:09:41.072201+00
scoring	evt_01a217c2efdb0652a524befad3625f0c	2026-11-26 12:09:41.119591+00
scoring	evt_01a217c2f09f9d511f3d5c3f3badfbf8	2026-11-26 12:09:41.318632+00
scoring	evt_01a217c2f5e2a96fd349215b8c62e8b5	2026-11-26 12:09:42.64588+00
scoring	evt_01a217c2f7f9ff01265c38c65e260ed7	2026-11-26 12:09:43.182148+00
\.


--
-- Name: outbox_seq_seq; Type: SEQUENCE SET; Schema: auth; Owner: -
--

SELECT pg_catalog.setval('auth.outbox_seq_seq', 1, true);


--
-- Name: outbox_seq_seq; Type: SEQUENCE SET; Schema: elo; Owner: -
--

SELECT pg_catalog.setval('elo.outbox_seq_seq', 171, true);


--
-- Name: voice_models_seq_seq; Type: SEQUENCE SET; Schema: elo; Owner: -
--

SELECT pg_catalog.setval('elo.voice_models_seq_seq', 171, true);


--
-- Name: listening_vote_states_seq_seq; Type: SEQUENCE SET; Schema: experiments; Owner: -
--

SELECT pg_catalog.setval('experiments.listening_vote_states_seq_seq', 4, true);


--
-- Name: listening_votes_seq_seq; Type: SEQUENCE SET; Schema: experiments; Owner: -
--

SELECT pg_catalog.setval('experiments.listening_votes_seq_seq', 4, true);


--
-- Name: outbox_seq_seq; Type: SEQUENCE SET; Schema: experiments; Owner: -
--

SELECT pg_catalog.setval('experiments.outbox_seq_seq', 63, true);


--
-- Name: webhook_attempts_id_seq; Type: SEQUENCE SET; Schema: experiments; Owner: -
--

SELECT pg_catalog.setval('experiments.webhook_attempts_id_seq', 3, true);


--
-- Name: outbox_seq_seq; Type: SEQUENCE SET; Schema: scoring; Owner: -
--

SELECT pg_catalog.setval('scoring.outbox_seq_seq', 22, true);


--
-- Name: address_counts address_counts_pkey; Type: CONSTRAINT; Schema: auth; Owner: -
--

ALTER TABLE ONLY auth.address_counts
    ADD CONSTRAINT address_counts_pkey PRIMARY KEY (what, address, hour);


--
-- Name: alembic_version alembic_version_pkc; Type: CONSTRAINT; Schema: auth; Owner: -
--

ALTER TABLE ONLY auth.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);


--
-- Name: api_keys api_keys_key_hash_key; Type: CONSTRAINT; Schema: auth; Owner: -
--

ALTER TABLE ONLY auth.api_keys
    ADD CONSTRAINT api_keys_key_hash_key UNIQUE (key_hash);


--
-- Name: api_keys api_keys_pkey; Type: CONSTRAINT; Schema: auth; Owner: -
--

ALTER TABLE ONLY auth.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);


--
-- Name: api_keys api_keys_request; Type: CONSTRAINT; Schema: auth; Owner: -
--

ALTER TABLE ONLY auth.api_keys
    ADD CONSTRAINT api_keys_request UNIQUE (developer_id, request_id);


--
-- Name: developers developers_pkey; Type: CONSTRAINT; Schema: auth; Owner: -
--

ALTER TABLE ONLY auth.developers
    ADD CONSTRAINT developers_pkey PRIMARY KEY (id);


--
-- Name: developers developers_registration; Type: CONSTRAINT; Schema: auth; Owner: -
--

ALTER TABLE ONLY auth.developers
    ADD CONSTRAINT developers_registration UNIQUE (registration);


--
-- Name: outbox outbox_pkey; Type: CONSTRAINT; Schema: auth; Owner: -
--

ALTER TABLE ONLY auth.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);


--
-- Name: processed_events processed_events_pkey; Type: CONSTRAINT; Schema: auth; Owner: -
--

ALTER TABLE ONLY auth.processed_events
    ADD CONSTRAINT processed_events_pkey PRIMARY KEY (consumer, event_id);


--
-- Name: signing_keys signing_keys_pkey; Type: CONSTRAINT; Schema: auth; Owner: -
--

ALTER TABLE ONLY auth.signing_keys
    ADD CONSTRAINT signing_keys_pkey PRIMARY KEY (id);


--
-- Name: alembic_version alembic_version_pkc; Type: CONSTRAINT; Schema: elo; Owner: -
--

ALTER TABLE ONLY elo.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);


--
-- Name: known_voices known_voices_pkey; Type: CONSTRAINT; Schema: elo; Owner: -
--

ALTER TABLE ONLY elo.known_voices
    ADD CONSTRAINT known_voices_pkey PRIMARY KEY (provider, voice_id);


--
-- Name: outbox outbox_pkey; Type: CONSTRAINT; Schema: elo; Owner: -
--

ALTER TABLE ONLY elo.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);


--
-- Name: processed_events processed_events_pkey; Type: CONSTRAINT; Schema: elo; Owner: -
--

ALTER TABLE ONLY elo.processed_events
    ADD CONSTRAINT processed_events_pkey PRIMARY KEY (consumer, event_id);


--
-- Name: providers providers_pkey; Type: CONSTRAINT; Schema: elo; Owner: -
--

ALTER TABLE ONLY elo.providers
    ADD CONSTRAINT providers_pkey PRIMARY KEY (id);


--
-- Name: voice_models voice_models_pkey; Type: CONSTRAINT; Schema: elo; Owner: -
--

ALTER TABLE ONLY elo.voice_models
    ADD CONSTRAINT voice_models_pkey PRIMARY KEY (id);


--
-- Name: voice_models voice_models_request; Type: CONSTRAINT; Schema: elo; Owner: -
--

ALTER TABLE ONLY elo.voice_models
    ADD CONSTRAINT voice_models_request UNIQUE (developer_id, request_id);


--
-- Name: voice_models voice_models_same; Type: CONSTRAINT; Schema: elo; Owner: -
--

ALTER TABLE ONLY elo.voice_models
    ADD CONSTRAINT voice_models_same UNIQUE (developer_id, provider, voice_id, model_id, version);


--
-- Name: voice_models voice_models_seq_key; Type: CONSTRAINT; Schema: elo; Owner: -
--

ALTER TABLE ONLY elo.voice_models
    ADD CONSTRAINT voice_models_seq_key UNIQUE (seq);


--
-- Name: alembic_version alembic_version_pkc; Type: CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);


--
-- Name: experiments experiments_pkey; Type: CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.experiments
    ADD CONSTRAINT experiments_pkey PRIMARY KEY (id);


--
-- Name: experiments experiments_request; Type: CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.experiments
    ADD CONSTRAINT experiments_request UNIQUE (developer_id, request_id);


--
-- Name: listening_assignments listening_assignments_clip_a_key; Type: CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.listening_assignments
    ADD CONSTRAINT listening_assignments_clip_a_key UNIQUE (clip_a);


--
-- Name: listening_assignments listening_assignments_clip_b_key; Type: CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.listening_assignments
    ADD CONSTRAINT listening_assignments_clip_b_key UNIQUE (clip_b);


--
-- Name: listening_assignments listening_assignments_pair; Type: CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.listening_assignments
    ADD CONSTRAINT listening_assignments_pair UNIQUE (listener_id, prompt_index, first, second);


--
-- Name: listening_assignments listening_assignments_pkey; Type: CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.listening_assignments
    ADD CONSTRAINT listening_assignments_pkey PRIMARY KEY (id);


--
-- Name: listening_links listening_links_pkey; Type: CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.listening_links
    ADD CONSTRAINT listening_links_pkey PRIMARY KEY (id);


--
-- Name: listening_links listening_links_request; Type: CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.listening_links
    ADD CONSTRAINT listening_links_request UNIQUE (experiment_id, request_id);


--
-- Name: listening_listeners listening_listeners_pkey; Type: CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.listening_listeners
    ADD CONSTRAINT listening_listeners_pkey PRIMARY KEY (id);


--
-- Name: listening_pairs listening_pairs_pkey; Type: CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.listening_pairs
    ADD CONSTRAINT listening_pairs_pkey PRIMARY KEY (experiment_id, prompt_index, first, second);


--
-- Name: listening_vote_states listening_vote_states_pkey; Type: CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.listening_vote_states
    ADD CONSTRAINT listening_vote_states_pkey PRIMARY KEY (seq);


--
-- Name: listening_votes listening_votes_pair; Type: CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.listening_votes
    ADD CONSTRAINT listening_votes_pair UNIQUE (listener_id, prompt_index, first, second);


--
-- Name: listening_votes listening_votes_pkey; Type: CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.listening_votes
    ADD CONSTRAINT listening_votes_pkey PRIMARY KEY (assignment_id);


--
-- Name: outbox outbox_pkey; Type: CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);


--
-- Name: processed_events processed_events_pkey; Type: CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.processed_events
    ADD CONSTRAINT processed_events_pkey PRIMARY KEY (consumer, event_id);


--
-- Name: providers providers_pkey; Type: CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.providers
    ADD CONSTRAINT providers_pkey PRIMARY KEY (id);


--
-- Name: trials trials_pkey; Type: CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.trials
    ADD CONSTRAINT trials_pkey PRIMARY KEY (id);


--
-- Name: trials trials_place; Type: CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.trials
    ADD CONSTRAINT trials_place UNIQUE (experiment_id, prompt_index, model_index, repeat_index);


--
-- Name: webhook_attempts webhook_attempts_pkey; Type: CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.webhook_attempts
    ADD CONSTRAINT webhook_attempts_pkey PRIMARY KEY (id);


--
-- Name: webhook_deliveries webhook_deliveries_pkey; Type: CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (id);


--
-- Name: webhook_endpoints webhook_endpoints_pkey; Type: CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.webhook_endpoints
    ADD CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (id);


--
-- Name: webhook_endpoints webhook_endpoints_request; Type: CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.webhook_endpoints
    ADD CONSTRAINT webhook_endpoints_request UNIQUE (developer_id, request_id);


--
-- Name: webhook_endpoints webhook_endpoints_url; Type: CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.webhook_endpoints
    ADD CONSTRAINT webhook_endpoints_url UNIQUE (developer_id, url);


--
-- Name: alembic_version alembic_version_pkc; Type: CONSTRAINT; Schema: scoring; Owner: -
--

ALTER TABLE ONLY scoring.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);


--
-- Name: evaluations evaluations_pkey; Type: CONSTRAINT; Schema: scoring; Owner: -
--

ALTER TABLE ONLY scoring.evaluations
    ADD CONSTRAINT evaluations_pkey PRIMARY KEY (id);


--
-- Name: outbox outbox_pkey; Type: CONSTRAINT; Schema: scoring; Owner: -
--

ALTER TABLE ONLY scoring.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);


--
-- Name: processed_events processed_events_pkey; Type: CONSTRAINT; Schema: scoring; Owner: -
--

ALTER TABLE ONLY scoring.processed_events
    ADD CONSTRAINT processed_events_pkey PRIMARY KEY (consumer, event_id);


--
-- Name: address_counts_hour; Type: INDEX; Schema: auth; Owner: -
--

CREATE INDEX address_counts_hour ON auth.address_counts USING btree (hour);


--
-- Name: api_keys_by_developer; Type: INDEX; Schema: auth; Owner: -
--

CREATE INDEX api_keys_by_developer ON auth.api_keys USING btree (developer_id, created_at, id);


--
-- Name: developers_email; Type: INDEX; Schema: auth; Owner: -
--

CREATE UNIQUE INDEX developers_email ON auth.developers USING btree (lower(email));


--
-- Name: outbox_published; Type: INDEX; Schema: auth; Owner: -
--

CREATE INDEX outbox_published ON auth.outbox USING btree (published_at);


--
-- Name: outbox_unpublished; Type: INDEX; Schema: auth; Owner: -
--

CREATE INDEX outbox_unpublished ON auth.outbox USING btree (seq) WHERE (published_at IS NULL);


--
-- Name: processed_events_at; Type: INDEX; Schema: auth; Owner: -
--

CREATE INDEX processed_events_at ON auth.processed_events USING btree (processed_at);


--
-- Name: outbox_published; Type: INDEX; Schema: elo; Owner: -
--

CREATE INDEX outbox_published ON elo.outbox USING btree (published_at);


--
-- Name: outbox_unpublished; Type: INDEX; Schema: elo; Owner: -
--

CREATE INDEX outbox_unpublished ON elo.outbox USING btree (seq) WHERE (published_at IS NULL);


--
-- Name: processed_events_at; Type: INDEX; Schema: elo; Owner: -
--

CREATE INDEX processed_events_at ON elo.processed_events USING btree (processed_at);


--
-- Name: voice_models_by_voice; Type: INDEX; Schema: elo; Owner: -
--

CREATE INDEX voice_models_by_voice ON elo.voice_models USING btree (provider, voice_id);


--
-- Name: experiments_by_developer; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX experiments_by_developer ON experiments.experiments USING btree (developer_id, created_at, id);


--
-- Name: experiments_listening; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX experiments_listening ON experiments.experiments USING btree (listening_until) WHERE ((status = 'running'::text) AND (listening_until IS NOT NULL));


--
-- Name: experiments_running; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX experiments_running ON experiments.experiments USING btree (developer_id) WHERE (status = 'running'::text);


--
-- Name: experiments_unfinished; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX experiments_unfinished ON experiments.experiments USING btree (developer_id) WHERE (status = ANY (ARRAY['created'::text, 'running'::text]));


--
-- Name: experiments_with_audio; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX experiments_with_audio ON experiments.experiments USING btree (ended_at) WHERE ((ended_at IS NOT NULL) AND (audio_deleted_at IS NULL));


--
-- Name: listening_assignments_shown; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX listening_assignments_shown ON experiments.listening_assignments USING btree (experiment_id, shown_at);


--
-- Name: listening_links_by_experiment; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX listening_links_by_experiment ON experiments.listening_links USING btree (experiment_id, created_at, id);


--
-- Name: listening_listeners_by_address; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX listening_listeners_by_address ON experiments.listening_listeners USING btree (link_id, address);


--
-- Name: listening_listeners_by_experiment; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX listening_listeners_by_experiment ON experiments.listening_listeners USING btree (experiment_id);


--
-- Name: listening_listeners_by_link; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX listening_listeners_by_link ON experiments.listening_listeners USING btree (link_id);


--
-- Name: listening_listeners_of_session; Type: INDEX; Schema: experiments; Owner: -
--

CREATE UNIQUE INDEX listening_listeners_of_session ON experiments.listening_listeners USING btree (link_id, voter_id);


--
-- Name: listening_listeners_of_voter; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX listening_listeners_of_voter ON experiments.listening_listeners USING btree (voter_id, experiment_id);


--
-- Name: listening_vote_states_of_vote; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX listening_vote_states_of_vote ON experiments.listening_vote_states USING btree (assignment_id, seq);


--
-- Name: listening_votes_by_address; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX listening_votes_by_address ON experiments.listening_votes USING btree (experiment_id, address);


--
-- Name: listening_votes_by_experiment; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX listening_votes_by_experiment ON experiments.listening_votes USING btree (experiment_id, seq);


--
-- Name: outbox_published; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX outbox_published ON experiments.outbox USING btree (published_at);


--
-- Name: outbox_unpublished; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX outbox_unpublished ON experiments.outbox USING btree (seq) WHERE (published_at IS NULL);


--
-- Name: processed_events_at; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX processed_events_at ON experiments.processed_events USING btree (processed_at);


--
-- Name: trials_at_provider; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX trials_at_provider ON experiments.trials USING btree (provider, experiment_id) WHERE (status = 'synthesizing'::text);


--
-- Name: trials_in_flight; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX trials_in_flight ON experiments.trials USING btree (requested_at) WHERE (status = ANY (ARRAY['synthesizing'::text, 'scoring'::text]));


--
-- Name: trials_pending; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX trials_pending ON experiments.trials USING btree (provider, experiment_id, "position") WHERE (status = 'pending'::text);


--
-- Name: trials_released; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX trials_released ON experiments.trials USING btree (experiment_id, provider, released_at);


--
-- Name: webhook_attempts_of_delivery; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX webhook_attempts_of_delivery ON experiments.webhook_attempts USING btree (delivery_id, id);


--
-- Name: webhook_deliveries_due; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX webhook_deliveries_due ON experiments.webhook_deliveries USING btree (due_at) WHERE (due_at IS NOT NULL);


--
-- Name: webhook_deliveries_of_endpoint; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX webhook_deliveries_of_endpoint ON experiments.webhook_deliveries USING btree (endpoint_id) WHERE (due_at IS NOT NULL);


--
-- Name: webhook_deliveries_of_experiment; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX webhook_deliveries_of_experiment ON experiments.webhook_deliveries USING btree (experiment_id, created_at, id);


--
-- Name: webhook_endpoints_by_developer; Type: INDEX; Schema: experiments; Owner: -
--

CREATE INDEX webhook_endpoints_by_developer ON experiments.webhook_endpoints USING btree (developer_id, created_at, id);


--
-- Name: outbox_published; Type: INDEX; Schema: scoring; Owner: -
--

CREATE INDEX outbox_published ON scoring.outbox USING btree (published_at);


--
-- Name: outbox_unpublished; Type: INDEX; Schema: scoring; Owner: -
--

CREATE INDEX outbox_unpublished ON scoring.outbox USING btree (seq) WHERE (published_at IS NULL);


--
-- Name: processed_events_at; Type: INDEX; Schema: scoring; Owner: -
--

CREATE INDEX processed_events_at ON scoring.processed_events USING btree (processed_at);


--
-- Name: outbox outbox_inserted; Type: TRIGGER; Schema: auth; Owner: -
--

CREATE TRIGGER outbox_inserted AFTER INSERT ON auth.outbox FOR EACH STATEMENT EXECUTE FUNCTION auth.outbox_notify();


--
-- Name: outbox outbox_inserted; Type: TRIGGER; Schema: elo; Owner: -
--

CREATE TRIGGER outbox_inserted AFTER INSERT ON elo.outbox FOR EACH STATEMENT EXECUTE FUNCTION elo.outbox_notify();


--
-- Name: listening_vote_states listening_vote_states_stay; Type: TRIGGER; Schema: experiments; Owner: -
--

CREATE TRIGGER listening_vote_states_stay BEFORE UPDATE ON experiments.listening_vote_states FOR EACH ROW EXECUTE FUNCTION experiments.listening_vote_states_stay();


--
-- Name: listening_votes listening_votes_stay; Type: TRIGGER; Schema: experiments; Owner: -
--

CREATE TRIGGER listening_votes_stay BEFORE UPDATE ON experiments.listening_votes FOR EACH ROW EXECUTE FUNCTION experiments.listening_votes_stay();


--
-- Name: outbox outbox_inserted; Type: TRIGGER; Schema: experiments; Owner: -
--

CREATE TRIGGER outbox_inserted AFTER INSERT ON experiments.outbox FOR EACH STATEMENT EXECUTE FUNCTION experiments.outbox_notify();


--
-- Name: trials trial_moves; Type: TRIGGER; Schema: experiments; Owner: -
--

CREATE TRIGGER trial_moves BEFORE INSERT OR UPDATE ON experiments.trials FOR EACH ROW EXECUTE FUNCTION experiments.trial_moves();


--
-- Name: outbox outbox_inserted; Type: TRIGGER; Schema: scoring; Owner: -
--

CREATE TRIGGER outbox_inserted AFTER INSERT ON scoring.outbox FOR EACH STATEMENT EXECUTE FUNCTION scoring.outbox_notify();


--
-- Name: api_keys api_keys_developer_id_fkey; Type: FK CONSTRAINT; Schema: auth; Owner: -
--

ALTER TABLE ONLY auth.api_keys
    ADD CONSTRAINT api_keys_developer_id_fkey FOREIGN KEY (developer_id) REFERENCES auth.developers(id);


--
-- Name: listening_assignments listening_assignments_experiment_id_fkey; Type: FK CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.listening_assignments
    ADD CONSTRAINT listening_assignments_experiment_id_fkey FOREIGN KEY (experiment_id) REFERENCES experiments.experiments(id) ON DELETE CASCADE;


--
-- Name: listening_assignments listening_assignments_listener_id_fkey; Type: FK CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.listening_assignments
    ADD CONSTRAINT listening_assignments_listener_id_fkey FOREIGN KEY (listener_id) REFERENCES experiments.listening_listeners(id) ON DELETE CASCADE;


--
-- Name: listening_links listening_links_experiment_id_fkey; Type: FK CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.listening_links
    ADD CONSTRAINT listening_links_experiment_id_fkey FOREIGN KEY (experiment_id) REFERENCES experiments.experiments(id) ON DELETE CASCADE;


--
-- Name: listening_listeners listening_listeners_experiment_id_fkey; Type: FK CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.listening_listeners
    ADD CONSTRAINT listening_listeners_experiment_id_fkey FOREIGN KEY (experiment_id) REFERENCES experiments.experiments(id) ON DELETE CASCADE;


--
-- Name: listening_listeners listening_listeners_link_id_fkey; Type: FK CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.listening_listeners
    ADD CONSTRAINT listening_listeners_link_id_fkey FOREIGN KEY (link_id) REFERENCES experiments.listening_links(id) ON DELETE CASCADE;


--
-- Name: listening_pairs listening_pairs_experiment_id_fkey; Type: FK CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.listening_pairs
    ADD CONSTRAINT listening_pairs_experiment_id_fkey FOREIGN KEY (experiment_id) REFERENCES experiments.experiments(id) ON DELETE CASCADE;


--
-- Name: listening_vote_states listening_vote_states_assignment_id_fkey; Type: FK CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.listening_vote_states
    ADD CONSTRAINT listening_vote_states_assignment_id_fkey FOREIGN KEY (assignment_id) REFERENCES experiments.listening_votes(assignment_id) ON DELETE CASCADE;


--
-- Name: listening_votes listening_votes_assignment_id_fkey; Type: FK CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.listening_votes
    ADD CONSTRAINT listening_votes_assignment_id_fkey FOREIGN KEY (assignment_id) REFERENCES experiments.listening_assignments(id) ON DELETE CASCADE;


--
-- Name: listening_votes listening_votes_experiment_id_fkey; Type: FK CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.listening_votes
    ADD CONSTRAINT listening_votes_experiment_id_fkey FOREIGN KEY (experiment_id) REFERENCES experiments.experiments(id) ON DELETE CASCADE;


--
-- Name: listening_votes listening_votes_listener_id_fkey; Type: FK CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.listening_votes
    ADD CONSTRAINT listening_votes_listener_id_fkey FOREIGN KEY (listener_id) REFERENCES experiments.listening_listeners(id) ON DELETE CASCADE;


--
-- Name: trials trials_experiment_id_fkey; Type: FK CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.trials
    ADD CONSTRAINT trials_experiment_id_fkey FOREIGN KEY (experiment_id) REFERENCES experiments.experiments(id) ON DELETE CASCADE;


--
-- Name: webhook_attempts webhook_attempts_delivery_id_fkey; Type: FK CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.webhook_attempts
    ADD CONSTRAINT webhook_attempts_delivery_id_fkey FOREIGN KEY (delivery_id) REFERENCES experiments.webhook_deliveries(id) ON DELETE CASCADE;


--
-- Name: webhook_deliveries webhook_deliveries_experiment_id_fkey; Type: FK CONSTRAINT; Schema: experiments; Owner: -
--

ALTER TABLE ONLY experiments.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_experiment_id_fkey FOREIGN KEY (experiment_id) REFERENCES experiments.experiments(id) ON DELETE CASCADE;


--
-- PostgreSQL database dump complete
--

\unrestrict DO9NF6Uwv8X9mp2RuRcoGLbpS7hHebljgAjxO3Xrk6y5alj9vvLw37qyFgOd5dH

