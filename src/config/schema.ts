import * as v from 'valibot'
import {
  choice,
  count,
  databaseUrl,
  duration,
  flag,
  listOf,
  localPath,
  localPaths,
  mailAddress,
  mailServerUrl,
  matching,
  named,
  size,
  storeUrl,
  table,
  text,
  variableName,
  webUrl,
} from './fields.ts'
import { logFormats, logLevels } from '../kit/index.ts'
import { serveSchema } from './serve-settings.ts'
import { imagesSchema } from './images-schema.ts'

/** What S3 takes. */
const smallestPart = 5 << 20

const s3 = table(
  {
    endpoint: v.optional(webUrl('The server, where it is not Amazon’s.')),
    region: v.optional(text('The region to sign for. Without it, what the AWS environment and profile say.')),
    profile: v.optional(text('The profile of ~/.aws whose credentials are used. Without it, the usual AWS credential chain.')),
    path_style: v.optional(
      flag('Write the bucket into the path (true) or the host name (false). Without it: into the path where `endpoint` is set.'),
    ),
    part_size: v.optional(
      size('Size of the parts of a multipart upload, 5MiB or more; smaller objects go up in one request.', smallestPart, '"5MiB" or more'),
      '8MiB',
    ),
    concurrency: v.optional(count('Parts of one object that are on their way at the same time.', 1), 4),
  },
  'Settings of S3 servers, for the store and for what is published.',
)

const sftp = table(
  {
    ssh_config: v.optional(
      localPath('A file of OpenSSH settings that is read instead of ~/.ssh/config: keys, ports, jump hosts, known hosts.'),
    ),
  },
  'Settings of servers that are reached with ssh. Without it, what ~/.ssh/config and the agent say.',
)

const store = table(
  {
    url: v.optional(storeUrl('Where the store is. It is made on the first write.'), 'file:./.holdfast/store'),
    s3: v.optional(s3, {}),
    sftp: v.optional(sftp, {}),
  },
  'Where artifacts, refs and records are kept.',
)

/** Flags that release commands have already. */
const takenFlags = new Set(
  [
    'archive archives artifact as-of build channel exit-code expect force format from keep keep-within message no-build output to',
    'color config dry-run help json limit-rate log-format log-level no-color quiet stats store verbose version yes',
  ]
    .join(' ')
    .split(' '),
)

const variantFlag = v.pipe(
  matching(
    /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/,
    'a flag’s name: lower-case words joined by dashes, without leading dashes',
    'The flag that names the variant on the command line, without its dashes: `rocm-version` is given as `--rocm-version 6.4`.',
  ),
  v.check((name) => !takenFlags.has(name), 'a flag’s name that no release command uses for something else'),
)

const release = table(
  {
    artifact: localPaths('What the build makes: a file, a directory, or a list of them.'),
    build: v.optional(
      text(
        'The shell line that builds it. `{field}` stands for the variant’s field of that name, `{variant}` for its name. Without it, only what is built already is released.',
      ),
    ),
    variant_flag: v.optional(variantFlag, 'variant'),
    variant_label: v.optional(
      text('How metadata files call the variant. Derived from `variant_flag`: `rocm-version` becomes `ROCm version`.'),
    ),
    variants: v.pipe(
      named(
        named(text('A field for `build`.'), 'FIELD', 'Fields for `build`.'),
        'VARIANT',
        'The variants, each with its fields: each has a history of its own.',
      ),
      v.check((variants) => Object.keys(variants).length > 0, 'at least one variant, such as { "6.4" = { constraint = "6.4.2" } }'),
    ),
    metadata: v.optional(localPath('The folder of metadata files in the work tree. Without it none are written.')),
    sources: v.optional(named(localPath('A work tree of git, hg or sl.'), 'SOURCE', 'The repositories whose commits are recorded.'), {}),
    publish: v.optional(storeUrl('The bucket or folder where the released files appear under stable/, last_stable/ and archives/.')),
    publish_public: v.optional(flag('Published files can be read by anyone (ACL public-read).'), false),
    publish_cache_control: v.optional(text('The Cache-Control header of published files.')),
    on_conflict: v.optional(
      choice(['retry', 'fail'], 'What a release does that lost a race for its variant: go on top of the winner, or say that it lost.'),
      'retry',
    ),
    keep: v.optional(count('How many archives of a variant `release prune` keeps.', 0)),
    keep_within: v.optional(duration('`release prune` keeps archives younger than this.')),
  },
  'A library that is released in channels.',
)

const prefix = matching(
  /^(?!.*(^|\/)\.{1,2}(\/|$))[^/\s]+(\/[^/\s]+)*\/?$/,
  'a prefix such as "v2/gfx94X-dcgpu"',
  'A prefix that is an index of its own.',
)

const dependency = table(
  {
    projects: listOf(text('A project.'), 'The projects that need it: what `index mirror --package` selects.'),
    versions: v.optional(
      listOf(text('A version, a specifier, or "latest".'), 'The versions to mirror: exact ones, specifiers such as ">=2,<3", or "latest".'),
      ['latest'],
    ),
    target: v.optional(prefix),
    platforms: v.optional(
      listOf(text('A platform tag.'), 'The platform tags of wheels to mirror, such as "manylinux_*_x86_64". Without it all; `any` always.'),
    ),
    pythons: v.optional(listOf(text('A Python tag.'), 'The Python tags of wheels to mirror, such as "cp311" or "py3". Without it all.')),
    sources: v.optional(flag('Mirror source distributions too.'), false),
    upstream: v.optional(webUrl('The simple index that has it, where that is another one.')),
  },
  'A package that is mirrored.',
)

const indexKeys = {
  bucket: v.optional(storeUrl('The bucket or folder that holds the wheels and pages.', ['s3', 'file'])),
  urls: v.optional(listOf(webUrl('A URL.'), 'Where users see the bucket: for checks, lists of what to purge, and lines to copy.')),
  prefixes: v.optional(listOf(prefix, 'The indexes in the bucket, such as "v2/gfx94X-dcgpu".')),
  protected: v.optional(flag('Show what will change and ask, before it is changed; `--yes` agrees beforehand.')),
  allow: v.optional(listOf(text('A name, with `*`.'), 'The packages that may be mirrored and published. Without it all.')),
  require_hash: v.optional(flag('Refuse a file whose digest is not known, where `--no-read` forbids to read it.')),
  keep: v.optional(count('How many versions of a package `index archive` leaves; older ones go to a dated archive.', 1)),
  keep_generations: v.optional(count('How many generations of a prefix can be rolled back to.', 1)),
  grace: v.optional(duration('How long a file that was archived stays at its old place, for clients with an older page.')),
  public: v.optional(flag('What is written can be read by anyone (ACL public-read).')),
  page_cache_control: v.optional(text('The Cache-Control header of pages.')),
  file_cache_control: v.optional(text('The Cache-Control header of wheels and their metadata.')),
  upstream: v.optional(webUrl('The simple index that packages are mirrored from.')),
  dependencies: v.optional(named(dependency, 'PACKAGE', 'Packages that are mirrored.')),
}

/** The same keys with what they are without being written; environments take that from here. */
export const indexSchema = table(
  {
    ...indexKeys,
    protected: v.optional(indexKeys.protected.wrapped, false),
    require_hash: v.optional(indexKeys.require_hash.wrapped, false),
    keep_generations: v.optional(indexKeys.keep_generations.wrapped, 60),
    grace: v.optional(indexKeys.grace.wrapped, '1d'),
    public: v.optional(indexKeys.public.wrapped, false),
    page_cache_control: v.optional(indexKeys.page_cache_control.wrapped, 'public, max-age=60, must-revalidate'),
    file_cache_control: v.optional(indexKeys.file_cache_control.wrapped, 'public, max-age=31536000, immutable'),
    upstream: v.optional(indexKeys.upstream.wrapped, 'https://pypi.org/simple'),
    env: v.optional(
      named(
        table(indexKeys, 'What differs in this environment from [index].'),
        'ENVIRONMENT',
        'Other environments, such as `dev` and `nightly`.',
      ),
      {},
    ),
  },
  'A Python package index in a bucket.',
)

const hooks = table(
  {
    before_create: v.optional(text('The shell line before a snapshot is made: it brings what writes into the environment to rest.')),
    after_create: v.optional(text('The shell line after a snapshot was made.')),
    before_restore: v.optional(text('The shell line before a restore: it stops what runs in the environment.')),
    after_restore: v.optional(text('The shell line after a restore: it starts it again.')),
    health: v.optional(text('The shell line that succeeds once the environment can be used; tried until then, after `after_restore`.')),
    health_limit: v.optional(duration('How long that may take.'), '1m'),
  },
  'What is run around creates and restores. Variables HOLDFAST_ENV_NAME, _PATH, _SNAPSHOT and the like are set for it.',
)

const environment = table(
  {
    path: localPath('The directory that is given back clean.'),
    mode: v.optional(
      choice(
        ['auto', 'disabled', 'recreate', 'filesystem', 'squashfs', 'overlay', 'reflink', 'volume', 'store'],
        'How it is kept and given back; `auto` picks what suits this machine and these files, and says which.',
      ),
      'auto',
    ),
    snapshots_dir: v.optional(
      localPath('Where snapshots lie. Without it, beside the live directory: `.NAME.snapshots`, so that renames and clones work.'),
    ),
    snapshot_name: v.optional(text('The name of the clean snapshot, where none is given.'), 'clean_state'),
    auto_create_on_startup: v.optional(flag('`env run` makes the clean snapshot where there is none.'), true),
    auto_cleanup: v.optional(flag('Remove old snapshots after each create.'), true),
    keep_snapshot_count: v.optional(count('How many snapshots a clean-up leaves.', 1), 5),
    keep_within: v.optional(duration('A clean-up removes snapshots that are older.')),
    keep_unused: v.optional(duration('A clean-up removes snapshots that were not restored for so long.')),
    squashfs_compression: v.optional(
      choice(['none', 'gzip', 'lzo', 'xz', 'zstd'], 'Compression of the images of the squashfs mode.'),
      'none',
    ),
    copier: v.optional(
      choice(
        ['rsync', 'builtin'],
        'How the filesystem mode copies: with the system’s rsync, or block by block, writing only blocks that differ.',
      ),
      'rsync',
    ),
    volume_file_system: v.optional(choice(['btrfs', 'xfs'], 'The file system of the image of the volume mode.'), 'btrfs'),
    volume_size: v.optional(
      size(
        'The size that this image begins with. Without it, from the size of the live directory. It grows.',
        256 << 20,
        '"256MiB" or more',
      ),
    ),
    cleanup: v.optional(
      text('The shell line that cleans the live directory: how the recreate mode restores, and what follows a restore that failed.'),
    ),
    preserve: v.optional(
      listOf(text('A path below the live directory.'), 'What the clean-up must leave as it is, such as certificates.'),
      [],
    ),
    on_restore_failure: v.optional(
      choice(['recreate', 'fail'], 'What follows a restore that failed: the clean-up command, where there is one, or the error.'),
      'recreate',
    ),
    on_busy: v.optional(choice(['wait', 'fail'], 'What a command does that meets another one on the same environment.'), 'wait'),
    wait_limit: v.optional(duration('How long it waits at most.')),
    verify_every: v.optional(count('Every so many restores the whole snapshot is read and checked first; 0: never.', 0), 0),
    hooks: v.optional(hooks, {}),
  },
  'A directory that goes back to a clean state before each test suite.',
)

const runs = table(
  {
    root: v.optional(localPath('The folder of experiment runs.'), '.'),
    active_window: v.optional(count('Seconds: a run that changed within them is active.', 1), 3600),
    incremental: v.optional(flag('Look again only at what changed since the last manifest.'), true),
  },
  'Experiment runs, listed in a manifest and synced.',
)

const daemon = table(
  {
    concurrency: v.optional(count('Units that one daemon or worker runs at once.', 1), 2),
    limits: v.optional(
      named(count('Units.', 1), 'SOURCE', 'At most so many units of a source at once, over all workers, such as { github = 2 }.'),
      {},
    ),
    grace: v.optional(duration('How long units may go on after SIGTERM, before they are stopped and handed back.'), '30s'),
    keep: v.optional(duration('How long ended units and their logs are kept.'), '30d'),
  },
  'How the daemon and workers run units.',
)

const log = table(
  {
    format: v.optional(
      choice(logFormats, 'How stderr is written: "text" for people (the default), or "json": an object in each line, also of faults.'),
    ),
    level: v.optional(choice(logLevels, 'What `serve`, `daemon` and `worker` tell at least; other commands with "json".'), 'info'),
  },
  'The log: what commands say on stderr.',
)

const job = table(
  {
    run: text('The holdfast command, without the word holdfast.'),
    name: v.optional(
      matching(
        /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/,
        'a name of letters, digits, dots, dashes and underscores, at most 100 of them',
        'How it is called. Without it, from `run`: its words without options, joined by dashes.',
      ),
    ),
    every: v.optional(duration('How often it runs.')),
    at: v.optional(text('When it runs, as a cron line: minute, hour, day, month, weekday.')),
    after: v.optional(text('It runs whenever the job of this name has ended well.')),
    timezone: v.optional(text('The time zone of `at`, such as "Europe/Berlin".')),
    jitter: v.optional(duration('Each run is later by a part of this, so that many machines do not ask at the same second.')),
    timeout: v.optional(duration('What takes longer is stopped and tried again.')),
    catch_up: v.optional(
      choice(['once', 'skip'], 'What becomes of runs that were missed in sleep or downtime: one makes up for all, or none does.'),
      'once',
    ),
    priority: v.optional(
      v.pipe(v.number('a whole number'), v.integer('a whole number'), v.description('Units of jobs with higher numbers are taken first.')),
      0,
    ),
    source: v.optional(text('What `limits` counts its units by. Without it, the first word of `run`.')),
  },
  'A command that the daemon runs on a schedule: with one of `every`, `at` and `after`.',
)

const notify = table(
  {
    kind: choice(
      ['webhook', 'slack', 'email'],
      'How it is told. `slack` is an incoming webhook, of Slack or of what takes the same, such as Mattermost.',
    ),
    name: v.optional(
      matching(
        /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/,
        'a name of letters, digits, dots, dashes and underscores, at most 100 of them',
        'How it is called. Without it, as its kind is.',
      ),
    ),
    jobs: v.optional(listOf(text('A job.'), 'The jobs that it is told of. Without it, all.')),
    on: v.optional(
      v.pipe(
        v.array(choice(['failure', 'recovery'], 'A change.'), 'a list'),
        v.nonEmpty('"failure", "recovery" or both'),
        v.description('What it is told: that a job began to fail, that it is well again.'),
      ),
      ['failure', 'recovery'],
    ),
    remind: v.optional(duration('It is told again of a job that goes on failing, once in so long.')),
    log_lines: v.optional(
      v.pipe(count('How many of the last lines of a failed unit’s log it is told; 0: none.', 0), v.maxValue(50, 'at most 50')),
      10,
    ),
    url: v.optional(webUrl('The address of a webhook, where it is no secret.')),
    url_env: v.optional(variableName('The environment variable that holds the address.')),
    secret_env: v.optional(
      variableName(
        'Of a webhook: the variable that holds the secret which events are signed with (`whsec_…`). Without it they are not signed.',
      ),
    ),
    smtp: v.optional(
      mailServerUrl('The mail server. `smtp:` begins TLS by STARTTLS (port 587), `smtps:` is TLS from the start (port 465).'),
    ),
    insecure: v.optional(flag('The mail server is spoken to without TLS (port 25).'), false),
    username: v.optional(text('Who logs in at the mail server, with `password_env`.')),
    password_env: v.optional(variableName('The variable that holds the password.')),
    from: v.optional(mailAddress('Who the mail is from.')),
    to: v.optional(v.pipe(listOf(mailAddress('An address.'), 'Who gets the mail.'), v.nonEmpty('at least one address'))),
  },
  'Who is told when jobs fail and are well again.',
)

/** All of holdfast.toml. Nothing in it is transformed: what was written is what is checked. */
export const configSchema = table(
  {
    store: v.optional(store, {}),
    release: v.optional(named(release, 'NAME', 'Libraries that are released in channels.'), {}),
    index: v.optional(indexSchema),
    images: v.optional(imagesSchema),
    env: v.optional(named(environment, 'NAME', 'Environments that are given back clean.'), {}),
    runs: v.optional(runs),
    serve: v.optional(serveSchema, {}),
    queue: v.optional(
      databaseUrl(
        'Where workers on several machines share their units: a PostgreSQL database (variable: HOLDFAST_QUEUE_URL too). Without it, a file of this machine.',
      ),
    ),
    daemon: v.optional(daemon, {}),
    log: v.optional(log, {}),
    job: v.optional(listOf(job, 'Commands on a schedule.'), []),
    notify: v.optional(listOf(notify, 'Who is told when jobs fail and are well again.'), []),
  },
  'The configuration of holdfast.',
)

export type Written = v.InferOutput<typeof configSchema>
export type WrittenRelease = v.InferOutput<typeof release>
export type WrittenEnvironment = v.InferOutput<typeof environment>
export type WrittenIndex = v.InferOutput<typeof indexSchema>
export type WrittenRuns = v.InferOutput<typeof runs>
export type WrittenStore = v.InferOutput<typeof store>
export type WrittenDaemon = v.InferOutput<typeof daemon>
export type WrittenJob = v.InferOutput<typeof job>
export type WrittenNotify = v.InferOutput<typeof notify>
