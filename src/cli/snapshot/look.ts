import { type Command, Option } from 'commander'
import { Fault } from '../../kit/index.ts'
import { contentOf, findEntries, listSnapshots, type Placed, shortId, shownName, walkTree } from '../../snapshots/index.ts'
import type { Call, Cli } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { countText } from '../words.ts'
import { choosePlace, type Chosen, filterFrom, type FilterOptions, filterOptions, needed, placeArgument } from './choose.ts'
import { entryToJson, longText, pathText, printLines } from './text.ts'

const pathArgument = ['[path]', 'the same as :PATH after the snapshot'] as const
/** Bytes of a file that may go into a JSON document. */
const jsonLimit = 16 << 20

/** Commands that read what is in snapshots. */
export function addLookingCommands(snapshot: Command, cli: Cli): void {
  cli.add<{ recursive?: boolean; long?: boolean }>(snapshot, {
    name: 'ls',
    summary: 'List what is in a snapshot, or in a folder of it',
    args: [placeArgument, pathArgument],
    options: [new Option('-r, --recursive', 'with all that is below'), new Option('-l, --long', 'with modes, owners, sizes and times')],
    examples: [
      ['holdfast snapshot ls latest', 'what is at its top'],
      ['holdfast snapshot ls 1f2e3d4c:node-1/data --recursive --long', 'all of a folder in it'],
    ],
    run: async (call) => await list(call, await choosePlace(call, call.args[0], call.args[1]), call.options),
  })
  cli.add(snapshot, {
    name: 'cat',
    summary: 'Write a file of a snapshot to stdout, verified',
    more: 'With --json the document has its content: as text where it is UTF-8, else in base64; at most 16 MiB.',
    args: [placeArgument, pathArgument],
    examples: [['holdfast snapshot cat latest:etc/app.conf > app.conf', 'one file, without a restore']],
    run: async (call) => await cat(call, await choosePlace(call, call.args[0], call.args[1])),
  })
  cli.add<FilterOptions & { snapshot?: string; long?: boolean }>(snapshot, {
    name: 'find',
    summary: 'Find paths in all snapshots',
    args: [['<glob>', 'a name anywhere, like *.conf; with a slash, a path from the root: etc/**/*.conf']],
    options: [
      ...filterOptions(),
      new Option('--in <snapshot>', 'only in this snapshot, or :PATH of it').conflicts(['name', 'host', 'tag']),
      new Option('-l, --long', 'with modes, owners, sizes and times'),
    ],
    examples: [["holdfast snapshot find '*.conf' --name project", 'where each version of it is']],
    run: find,
  })
}

async function list(
  call: Call<object>,
  { chunks, placed, snapshot }: Chosen,
  { recursive, long }: { recursive?: boolean; long?: boolean },
): Promise<Outcome> {
  const write = (each: Placed) => (long === true ? longText(each) : printable(pathText(each)))
  const entries =
    placed.entry.kind === 'directory' ? walkTree(chunks, placed, { signal: call.signal, enter: () => recursive === true }) : only(placed)
  if (call.options.json !== true) {
    await printLines(call, mapped(entries, write))
    return { result: undefined, text: '' }
  }
  return {
    result: { snapshot: snapshot.id, path: shownName(placed.path), entries: await Array.fromAsync(entries, entryToJson) },
    text: '',
  }
}

async function cat(call: Call<object>, { chunks, placed, snapshot }: Chosen): Promise<Outcome> {
  const content = contentOf(chunks, placed, call)
  if (call.options.json !== true) {
    for await (const bytes of content) if (!(await call.host.stdout.writeBytes(bytes))) break
    return { result: undefined, text: '' }
  }
  const size = 'content' in placed.entry ? placed.entry.content.size : 0
  if (size > jsonLimit) {
    throw new Fault('invalid', `the file has ${size} bytes: more than a JSON document here takes (${jsonLimit})`, {
      hint: 'leave --json out',
    })
  }
  const bytes = Buffer.concat(await Array.fromAsync(content))
  const text = bytes.toString('utf8')
  const isText = Buffer.from(text, 'utf8').equals(bytes)
  return {
    result: {
      snapshot: snapshot.id,
      path: shownName(placed.path),
      size,
      encoding: isText ? 'utf8' : 'base64',
      content: isText ? text : bytes.toString('base64'),
    },
    text: '',
  }
}

async function find(call: Call<FilterOptions & { in?: string; long?: boolean }>): Promise<Outcome> {
  const { options } = call
  const glob = needed(call.args[0])
  const context = await call.snapshots()
  const chosen = options.in === undefined ? undefined : await choosePlace(call, options.in, undefined)
  const snapshots = chosen === undefined ? await listSnapshots(context, filterFrom(options)) : [chosen.snapshot]
  const below = chosen?.placed.path ?? ''
  const isBelow = (path: string) => below === '' || path === below || path.startsWith(`${below}/`)
  const found = filtered(findEntries(await context.chunks(), snapshots, glob, call), ({ path }) => isBelow(path))
  if (call.options.json === true) {
    const all = await Array.fromAsync(found, (each) => ({ snapshot: each.snapshot.id, name: each.snapshot.name, ...entryToJson(each) }))
    return { result: { found: all }, text: '' }
  }
  let count = 0
  const lines = mapped(found, (each) => {
    count++
    return `${shortId(each.snapshot.id)}  ${options.long === true ? longText(each) : printable(pathText(each))}`
  })
  await printLines(call, lines)
  if (count === 0 && options.quiet !== true)
    call.screen.say(printable(`nothing matches ${glob} in ${countText(snapshots.length, 'snapshot')}`))
  return { result: undefined, text: '' }
}

async function* only<T>(item: T): AsyncGenerator<T> {
  yield item
}

async function* mapped<T, U>(items: AsyncIterable<T>, change: (item: T) => U): AsyncGenerator<U> {
  for await (const item of items) yield change(item)
}

async function* filtered<T>(items: AsyncIterable<T>, isWanted: (item: T) => boolean): AsyncGenerator<T> {
  for await (const item of items) if (isWanted(item)) yield item
}
