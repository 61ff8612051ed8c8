import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { type Command, Option } from 'commander'
import { diskFault, Fault, formatBytes } from '../../kit/index.ts'
import { type Created, type CreateOptions, type CreatePlan, createSnapshot, planSnapshot, shortId } from '../../snapshots/index.ts'
import { type Call, type Cli, repeatedOption } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { incompleteOf, omissionsToJson, sayOmissions } from './text.ts'
import { countText, numberText } from '../words.ts'

interface CreateFlags {
  readonly name?: string
  readonly tag?: readonly string[]
  readonly exclude?: readonly string[]
  readonly fromFile?: string
  readonly message?: string
  readonly oneFileSystem?: boolean
  readonly force?: boolean
  readonly skipIfUnchanged?: boolean
}

export function addCreateCommand(snapshot: Command, cli: Cli): void {
  cli.add<CreateFlags>(snapshot, {
    name: 'create',
    summary: 'Make a snapshot of directories and files: only what changed is read and stored',
    more: 'Files whose size, times and inode are those of the last snapshot are taken as they were.',
    args: [['[path...]', 'what the snapshot is of; one directory is its root, several paths lie below the folder that has them all']],
    options: [
      new Option('--name <name>', 'the name that it is listed under (default: from host and paths)'),
      repeatedOption('--tag <tag>', 'a word to find it by'),
      repeatedOption('--exclude <glob>', 'leave out what matches: *.log, cache/, build/**/*.o'),
      new Option('--from-file <file>', 'more paths, one in a line, or with zero bytes between them; - for stdin'),
      new Option('--message <text>', 'what it is for; shown in lists'),
      new Option('--one-file-system', 'leave out what is mounted below'),
      new Option('--force', 'read every file again, whatever is known of it'),
      new Option('--skip-if-unchanged', 'make none where nothing changed since the newest of the same name'),
    ],
    writes: true,
    examples: [
      ['holdfast snapshot create /srv/env', 'first all of it, later what changed'],
      ['holdfast snapshot create src docs --name project --tag nightly --exclude node_modules/', 'several folders, without one kind'],
      ['find . -newer stamp -print0 | holdfast snapshot create --from-file - --name recent', 'a list of files'],
    ],
    run: create,
  })
}

async function create(call: Call<CreateFlags>): Promise<Outcome> {
  const { options, host } = call
  const named = call.args.filter((arg) => arg !== undefined)
  const listed = options.fromFile === undefined ? [] : await pathsFrom(call, options.fromFile)
  const context = await call.snapshots()
  const wanted: CreateOptions = {
    paths: [...named, ...listed],
    cwd: host.cwd,
    name: options.name,
    tags: options.tag?.map(checkedTag),
    exclude: options.exclude,
    message: options.message,
    oneFileSystem: options.oneFileSystem,
    force: options.force,
    skipUnchanged: options.skipIfUnchanged,
    without: await (await call.wire()).ownFolders(),
  }
  if (options.dryRun === true) return planned(call, await planSnapshot(context, wanted))
  const created = await createSnapshot(context, wanted)
  sayOmissions(call, created.omissions, 'read')
  sayUnused(call, created.unusedExcludes)
  const { id, name, record, counts, isUnchanged, isSkipped, stats, problems, omissions, unusedExcludes, storeIsNew } = created
  return {
    result: {
      id,
      name,
      root: record.root,
      base: record.base,
      paths: record.paths,
      parent: record.parent,
      created: record.created,
      size: record.size,
      counts,
      unchanged: isUnchanged,
      skipped: isSkipped,
      storeIsNew,
      stored: stats?.stored ?? 0,
      added: stats?.added ?? 0,
      read: stats?.read ?? 0,
      problems,
      omissions: omissionsToJson(omissions),
      unusedExcludes,
    },
    text: createdText(call, created, context.store.name),
    incomplete: incompleteOf(
      problems,
      `the snapshot ${shortId(id)} was made`,
      'make them readable, or leave them out with --exclude; then run it again',
    ),
  }
}

function sayUnused(call: Call<object>, globs: readonly string[]): void {
  for (const glob of globs) call.report({ kind: 'note', level: 'warning', text: `--exclude ${glob} left nothing out` })
}

async function pathsFrom(call: Call<object>, file: string): Promise<string[]> {
  let text: string
  try {
    const chunks: Buffer[] = []
    if (file === '-') for await (const chunk of call.host.stdin.stream) chunks.push(Buffer.from(chunk as Buffer))
    text = (file === '-' ? Buffer.concat(chunks) : await readFile(path.resolve(call.host.cwd, file))).toString('utf8')
  } catch (error) {
    throw diskFault(error, file, 'read the list of paths')
  }
  const paths = text.split(text.includes('\0') ? '\0' : /\r?\n/).filter((line) => line !== '')
  if (paths.length === 0)
    throw new Fault('nothing-to-do', `${file === '-' ? 'stdin' : file} lists no path`, { hint: 'write one path in each line' })
  return paths
}

function checkedTag(tag: string): string {
  if (/^[^\s,]{1,100}$/.test(tag)) return tag
  throw new Fault('invalid', `not a tag: ${JSON.stringify(tag)}`, { hint: 'a tag is one word without commas' })
}

function createdText(
  call: Call<object>,
  { id, name, record, counts, isUnchanged, isSkipped, stats, storeIsNew }: Created,
  store: string,
): string {
  if (isSkipped) return `nothing to do: ${printable(record.base)} is what the snapshot ${shortId(id)} of ${name} has`
  const left = [
    ...(counts.excluded === 0 ? [] : [`${countText(counts.excluded, 'path')} excluded`]),
    ...(counts.sockets === 0 ? [] : [`${countText(counts.sockets, 'socket')} left out`]),
  ]
  const stored =
    stats === undefined || stats.added === 0
      ? 'stored nothing: all of it was there'
      : `stored ${formatBytes(stats.stored)} for ${formatBytes(stats.added)} that were new`
  return [
    call.paint.green(printable(`snapshot ${shortId(id)} of ${record.base} (${name})`)),
    `  ${countText(counts.files, 'file')}, ${formatBytes(record.size)}: ${isUnchanged ? 'nothing changed since the last one' : `${numberText(counts.changed)} read, ${numberText(counts.unchanged)} unchanged`}`,
    ...(left.length === 0 ? [] : [`  ${left.join(', ')}`]),
    `  ${stored}`,
    ...(storeIsNew ? [`  made the store ${store}`] : []),
  ].join('\n')
}

function planned(call: Call<object>, plan: CreatePlan): Outcome {
  const { name, base, paths, counts, toRead, isUnchanged, problems, omissions, unusedExcludes } = plan
  sayOmissions(call, omissions, 'read')
  sayUnused(call, unusedExcludes)
  return {
    result: {
      dryRun: true,
      name,
      base,
      paths,
      counts,
      toRead,
      unchanged: isUnchanged,
      problems,
      omissions: omissionsToJson(omissions),
      unusedExcludes,
    },
    text: [
      printable(`a snapshot of ${base} (${name}) would have ${countText(counts.files, 'file')}, ${formatBytes(counts.bytes)}`),
      isUnchanged
        ? '  nothing changed since the last one'
        : `  to read: ${countText(counts.changed, 'file')}, ${formatBytes(toRead)}; ${numberText(counts.unchanged)} unchanged`,
      ...problems.first.slice(0, 20).map(({ path: where, message }) => printable(`  cannot be read: ${where}: ${message}`)),
      '',
      'dry run: nothing was stored',
    ].join('\n'),
  }
}
