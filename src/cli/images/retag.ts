import { type Command, Option } from 'commander'
import { registryOf, retag, type TagName } from '../../images/index.ts'
import { Fault, parseDigest } from '../../kit/index.ts'
import { type ImageName, parseImageName, type Registry } from '../../oci/index.ts'
import { type Call, type Cli, parsedOption } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { shortDigest } from './brought-text.ts'
import { imagesContext } from './choose.ts'
import { type GitlabFlags, gitlabOptions, type RegistryFlags, registryOptions, skipLoginOption } from './options.ts'

interface RetagFlags extends GitlabFlags, RegistryFlags {
  readonly expect?: ReturnType<typeof parseDigest>
  readonly force?: boolean
  readonly skipLogin?: boolean
}

const form = 'x86/app:tag below the project, or host/path:tag'

export function addRetagCommand(images: Command, cli: Cli): void {
  cli.add<RetagFlags>(images, {
    name: 'retag',
    summary: 'Give an image another tag, without pulling or pushing its layers',
    more: 'Tags that may move (`moving` of [images]: latest) are moved by one GET and one PUT; all others are looked at first, and stay where they name another image.',
    args: [
      ['<source>', `the image: ${form}`],
      ['<target>', `the tag that it gets: ${form}`],
    ],
    options: [
      parsedOption('--expect <digest>', 'only where the target names this now', parseDigest),
      new Option('--force', 'also a tag that is not to move, where it names another image'),
      skipLoginOption(),
      ...registryOptions(),
      ...gitlabOptions(),
    ],
    writes: true,
    examples: [['holdfast images retag x86/presto-coordinator:1.2 x86/presto-coordinator:latest', 'latest is this build']],
    run: async (call) => {
      const context = await imagesContext(call, { isDockerLogin: call.options.skipLogin })
      const place = { host: registryOf(context.settings), project: context.settings.registryProject }
      const move: Move = { from: sourceNamed(call.args[0]!, place), to: targetNamed(call.args[1]!, place), place }
      const registry = await context.registry()
      if (call.options.dryRun === true) return await planRetag(call, registry, move)
      return await doRetag(call, registry, move, context.settings.moving)
    },
  })
}

interface Move {
  readonly from: TagName
  readonly to: TagName
  readonly place: Where
}

function fullName({ host }: Where, { repository, tag }: TagName): string {
  return `${host}/${repository}:${tag}`
}

async function planRetag({ signal }: Call<RetagFlags>, registry: Registry, { from, to, place }: Move): Promise<Outcome> {
  const source = await registry.manifest(from.repository, from.tag, { signal })
  const target = await registry.headManifest(to.repository, to.tag, { signal })
  const isSame = source.digest === target?.digest
  const said = isSame ? 'names it already' : target === undefined ? 'is not there yet' : `names ${target.digest} now`
  return {
    result: {
      source: fullName(place, from),
      target: fullName(place, to),
      dryRun: true,
      digest: source.digest,
      before: target?.digest,
      state: isSame ? 'same' : 'planned',
    },
    text: printable(`dry run: ${fullName(place, to)} would name ${source.digest}; it ${said}`),
  }
}

async function doRetag(call: Call<RetagFlags>, registry: Registry, { from, to, place }: Move, moving: readonly string[]): Promise<Outcome> {
  const { options, host, signal, report, paint } = call
  const name = fullName(place, to)
  const { digest, before, tag } = await retag(registry, {
    from,
    to,
    expect: options.expect,
    force: options.force,
    moving,
    looksBefore: options.verbose === true,
    clock: host.clock,
    signal,
  })
  if (tag === 'same') throw new Fault('nothing-to-do', `${name} names ${digest} already`, { hint: 'it is as you want it' })
  if (tag === 'moved' && before === undefined) {
    report({
      kind: 'note',
      level: 'info',
      text: 'what the tag named before was not asked: --verbose or --expect does, by one request more',
    })
  }
  const was = before === undefined ? '' : `${shortDigest(before)} -> `
  return {
    result: { source: fullName(place, from), target: name, dryRun: false, digest, before, state: tag },
    text: paint.green(printable(`${name}: ${was}${before === undefined ? digest : shortDigest(digest)}`)),
  }
}

interface Where {
  readonly host: string
  readonly project: string
}

function sourceNamed(text: string, where: Where): TagName {
  const { repository, tag, digest } = imageNamed(text, where)
  const reference = digest ?? tag
  if (reference === undefined) throw untagged(text)
  return { repository, tag: reference }
}

function targetNamed(text: string, where: Where): TagName {
  const { repository, tag, digest } = imageNamed(text, where)
  if (tag === undefined || digest !== undefined) throw untagged(text)
  return { repository, tag }
}

/** A short name lies below the project; one with a host has to be of the configured registry. */
function imageNamed(text: string, { host, project }: Where): ImageName {
  const isFull = /^[^/]*[.:][^/]*\/|^localhost\//.test(text)
  const name = parseImageName(isFull ? text : `${host}/${project}/${text}`)
  if (name.registry === host) return name
  throw new Fault('invalid', `${text} is not at ${host}`, {
    hint: 'name its registry by --registry, or use `holdfast images copy docker://… docker://…` between registries',
  })
}

function untagged(text: string): Fault {
  return new Fault('invalid', `${text} is written without a tag`, { hint: `write ${form}` })
}
