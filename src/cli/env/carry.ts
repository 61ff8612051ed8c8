import path from 'node:path'
import { type Command, Option } from 'commander'
import { cloneSnapshot, pullSnapshot, pushSnapshot } from '../../environments/index.ts'
import { Fault, formatBytes } from '../../kit/index.ts'
import { type Call, type Cli, parsedOption } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { chooseSnapshot, snapshotArguments, type SnapshotFlag, snapshotOptions } from './choose.ts'
import { entriesText, tookText } from '../words.ts'

interface CloneFlags extends SnapshotFlag {
  readonly copies: number
  readonly to: string
}

interface PullFlags extends SnapshotFlag {
  readonly replace?: boolean
}

/** Snapshots elsewhere: copies for suites side by side, and other machines. */
export function addCarryCommands(env: Command, cli: Cli): void {
  cli.add<CloneFlags>(env, {
    name: 'clone',
    summary: 'Make independent writable copies of a snapshot, for suites that run side by side',
    args: snapshotArguments,
    options: [
      ...snapshotOptions(),
      parsedOption('-n, --copies <n>', 'how many', parseCopies).default(1),
      new Option('--to <dir>', 'the directory that they lie in, as ENV-1, ENV-2, …').makeOptionMandatory(),
    ],
    examples: [['holdfast env clone clean_state -n 4 --to /tmp/workers', 'one for each of four workers']],
    run: clone,
  })
  cli.add<SnapshotFlag>(env, {
    name: 'push',
    summary: 'Keep a snapshot in the store (--store URL for another one): only what it lacks is sent',
    args: snapshotArguments,
    options: snapshotOptions(),
    examples: [
      ['holdfast env push --store s3://backup/holdfast', 'the clean state, for other machines'],
      ['holdfast env push with-users --store s3://backup/holdfast', 'another state'],
    ],
    run: push,
  })
  cli.add<PullFlags>(env, {
    name: 'pull',
    summary: 'Bring a snapshot from the store (--store URL for another one)',
    args: snapshotArguments,
    options: [...snapshotOptions(), new Option('--replace', 'in place of the snapshot that has the name already')],
    examples: [['holdfast env pull with-users --store s3://backup/holdfast', 'what another machine has pushed']],
    run: pull,
  })
}

async function clone(call: Call<CloneFlags>): Promise<Outcome> {
  const { copies: count, to } = call.options
  const { context, snapshot: wanted } = await chooseSnapshot(call)
  const cloned = await cloneSnapshot(context, { snapshot: wanted, count, to: path.resolve(call.host.cwd, to) })
  const { snapshot, copies, how, milliseconds } = cloned
  const sharing = how === 'reflink' ? 'they share their bytes until they are written to' : 'copied: this file system cannot share bytes'
  return {
    result: { environment: context.name, ...cloned },
    text: [...copies.map(printable), `${copies.length} of ${snapshot} in ${tookText(milliseconds)}; ${sharing}`].join('\n'),
  }
}

async function push(call: Call<SnapshotFlag>): Promise<Outcome> {
  const { context, snapshot: wanted } = await chooseSnapshot(call)
  const store = await call.snapshots()
  const { shortId } = await import('../../snapshots/index.ts')
  const pushed = await pushSnapshot(context, store, wanted)
  const { snapshot, line, id, isUnchanged } = pushed
  const where = `${store.store.name} as ${line} (${shortId(id)})`
  return {
    result: { environment: context.name, ...pushed },
    text: printable(isUnchanged ? `nothing to do: ${snapshot} is in ${where} already` : `${snapshot} of ${context.name} is in ${where}`),
  }
}

async function pull(call: Call<PullFlags>): Promise<Outcome> {
  const { context, snapshot } = await chooseSnapshot(call)
  const { replace } = call.options
  const { name, entries, bytes, mode } = await pullSnapshot(context, await call.snapshots(), { snapshot, replace })
  return {
    result: { environment: context.name, snapshot: name, mode, entries, bytes },
    text: printable(
      `${name} of ${context.name} is here: ${entriesText(entries)}, ${formatBytes(bytes)}; restore it: holdfast env restore ${context.name} --snapshot ${name}`,
    ),
  }
}

function parseCopies(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text)
  throw new Fault('invalid', `not a number of copies: ${text}`, { hint: 'a whole number, 1 or more' })
}
