import path from 'node:path'
import { type Command, Option } from 'commander'
import { type Digest, digestOf, Fault, hexOf, formatBytes, parseDigest } from '../../kit/index.ts'
import {
  carryOutCopy,
  type CopiedImage,
  type CopyPlan,
  type ImageSource,
  isRepository,
  openSource,
  openTarget,
  packedFor,
  packedLayersIn,
  parsePlatform,
  type Place,
  planCopy,
  type PlannedName,
  type Platform,
} from '../../oci/index.ts'
import { usualMoving } from '../../config/index.ts'
import { fileMemo } from '../../transfer/index.ts'
import { type Call, type Cli, parsedOption, repeatedOption } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { countText } from '../words.ts'
import { placeFrom, placeText, registriesOfSides, type SidesFlags, sidesOptions } from './registries.ts'

/** What may be replaced, and where blobs may be found. */
export interface WriteFlags extends SidesFlags {
  readonly force?: boolean
  readonly expect?: Digest
  readonly moving?: readonly string[]
  readonly mountFrom?: readonly string[]
}

interface CopyFlags extends WriteFlags {
  readonly all?: boolean
  readonly platform?: Platform
}

export function addCopyCommand(images: Command, cli: Cli): void {
  cli.add<CopyFlags>(images, {
    name: 'copy',
    summary: 'Copy an image from any place to any other, unchanged: what is there already is not sent',
    more: 'Places: docker://HOST/PATH:TAG, oci:FOLDER:NAME, oci-archive:FILE:NAME, docker-archive:FILE:NAME. Without a tag, the target has the source’s. All platforms are copied, and the tag is put last, when all that it reaches is there and was checked.',
    args: [
      ['<source>', 'where the image is'],
      ['<target>', 'where it is to be'],
    ],
    options: [
      platformOption('copy only the image of this platform'),
      new Option('--all', 'with signatures, attestations and whatever else refers to it, and their digest tags'),
      ...writeOptions(),
      ...sidesOptions(),
    ],
    writes: true,
    examples: [
      ['holdfast images copy docker.io/library/alpine:3.20 registry.example.com/alpine', 'all platforms'],
      ['holdfast images copy docker-archive:app.tar.gz registry.example.com/app:1.2', 'what docker save wrote'],
      ['holdfast images copy --all registry.example.com/app:1.2 oci:backup', 'with its signatures, into a folder'],
    ],
    run: copy,
  })
}

export function platformOption(what: string): Option {
  return parsedOption('--platform <os/arch>', `${what}, such as linux/amd64`, parsePlatform)
}

export function writeOptions(): Option[] {
  return [
    new Option('--force', 'replace a tag that names something else, and check anew what is there'),
    parsedOption('--expect <digest>', 'replace the tag only if it names this now', parseDigest),
    repeatedOption('--moving <tag>', 'a tag that may be replaced (also: `moving` of [images])'),
    repeatedOption('--mount-from <repository>', 'another repository of the target’s registry that may have the blobs'),
  ]
}

async function copy(call: Call<CopyFlags>): Promise<Outcome> {
  const { options, args, signal } = call
  const [from, to] = [placeFrom(call, args[0]!), placeFrom(call, args[1]!)]
  const registries = await registriesOfSides(call, [from], to)
  const opened = await openSource(from, registries.source)
  const place = await openTarget(to, await targetOptions(call, [from], registries.target))
  try {
    const pack = await packing(call, options.dryRun === true ? undefined : place.target)
    const source = packedFor(from, to, opened.source, pack)
    const wishes = {
      ...(await wishesOf(call)),
      ref: opened.ref,
      as: place.as,
      digest: place.digest,
      all: options.all,
      platform: options.platform,
    }
    const plan = await planCopy({ ...wishes, source, target: place.target, signal })
    const names = { source: placeText(from), target: nameThere(to, place.as) }
    if (options.dryRun === true) return plannedOutcome(plan, names)
    const copied = await carryOutCopy(plan, { ...pack, source, target: place.target, signal })
    return await copiedOutcome(call, plan, copied, names)
  } finally {
    await place.target.close()
    await opened.source.close()
  }
}

/** What the flags that all writing commands have say. */
export async function wishesOf(call: Call<WriteFlags>) {
  const { force, expect, moving = [] } = call.options
  const configured = (await call.config()).images?.moving ?? usualMoving
  return { force, expect, moving: [...moving, ...configured] }
}

export async function targetOptions(call: Call<WriteFlags>, from: readonly Place[], registryFor: Parameters<typeof openSource>[1]) {
  const { options, host } = call
  for (const repository of options.mountFrom ?? []) {
    if (!isRepository(repository)) {
      throw new Fault('invalid', `--mount-from: not a path of the registry: ${JSON.stringify(repository)}`, {
        hint: 'write it without the host, such as team/base',
      })
    }
  }
  const { stateDir } = await call.wire()
  const memoFor = (registry: string, repository: string, digest: Digest) =>
    fileMemo(path.join(stateDir, 'uploads', `${hexOf(digestOf(`${registry}/${repository} ${digest}`))}.json`))
  return { from, registryFor, clock: host.clock, mountFrom: options.mountFrom, force: options.force, dryRun: options.dryRun, memoFor }
}

export async function packing(call: Call<object>, target: Parameters<typeof packedFor>[3]['target']) {
  const { report } = call
  const wire = await call.wire()
  const known = await packedLayersIn(path.join(wire.cacheRoot, 'images', 'packed-layers.json'), report)
  return { known, target, streamed: new Set<Digest>(), rate: await wire.rate(), report }
}

/** To look at: a docker-archive shows what it would be as images of OCI. */
export async function packedAside(call: Call<object>, place: Place, source: ImageSource): Promise<ImageSource> {
  return packedFor(place, undefined, source, await packing(call, undefined))
}

/** As people write it, with the name that it has there. */
export function nameThere(to: Place, as: string | undefined): string {
  if (as === undefined) return placeText(to)
  return placeText(to.kind === 'registry' ? { ...to, name: { ...to.name, tag: as } } : { ...to, ref: as })
}

interface Names {
  readonly source: string
  readonly target: string
}

export function plannedOutcome(plan: CopyPlan, names: Names): Outcome {
  const manifests = plan.nodes.filter(({ stored }) => stored !== undefined)
  const bytes = plan.missing.reduce((sum, { size }) => sum + size, 0)
  const moving = plan.names.filter(({ digest, before }) => digest !== before)
  const lines = [
    ...plan.missing.map(({ digest, size }) => `+ blob      ${digest}  ${formatBytes(size)}`),
    ...manifests.map(({ descriptor, role }) => `+ ${role.padEnd(9)} ${descriptor.digest}`),
    ...moving.map((planned) => nameLine(planned, 'would be')),
  ]
  const sum = `would send ${countText(plan.missing.length, 'blob')}, ${formatBytes(bytes)}, unless some can be mounted`
  return {
    result: {
      ...names,
      digest: plan.top.digest,
      dryRun: true,
      blobs: plan.blobs.map(({ digest, size }) => ({
        digest,
        size,
        how: plan.missing.some((blob) => blob.digest === digest) ? 'missing' : 'there',
      })),
      manifests: manifests.map(({ descriptor }) => descriptor.digest),
      tags: plan.names,
    },
    text: printable(
      [
        ...(moving.length + lines.length === 0 ? ['nothing to do: it is there already'] : [...lines, sum]),
        'dry run: nothing was written',
      ].join('\n'),
    ),
  }
}

export async function copiedOutcome(call: Call<object>, plan: CopyPlan, copied: CopiedImage, names: Names): Promise<Outcome> {
  const { blobs, manifests, moved, sentBytes } = copied
  const meter = await (await call.wire()).meter()
  meter.bytes('written', sentBytes)
  const count = (how: CopiedImage['blobs'][number]['how']) => blobs.filter((blob) => blob.how === how).length
  const parts: [number, string][] = [
    [count('sent'), `sent (${formatBytes(sentBytes)})`],
    [count('mounted'), 'mounted'],
    [count('there'), 'there already'],
  ]
  const said = parts.filter(([number]) => number > 0).map(([number, word]) => `${countText(number, 'blob')} ${word}`)
  const isNothing = moved.length === 0 && manifests === 0 && count('sent') + count('mounted') === 0
  const lines = [
    `${names.source} -> ${names.target}`,
    ...(isNothing ? [`nothing to do: it is there already, ${plan.top.digest}`] : said.map((text) => `  ${text}`)),
    ...moved.map((planned) => `  ${nameLine(planned, 'is')}`),
    ...(names.target.startsWith('docker-archive:') && moved.length > 0
      ? ['  a docker-archive keeps no manifest: what is loaded from it has another digest']
      : []),
    ...(plan.foreign.length === 0 ? [] : [`  ${countText(plan.foreign.length, 'layer')} left out: only their owner may give them out`]),
  ]
  return {
    result: {
      ...names,
      digest: plan.top.digest,
      sentBytes,
      manifests,
      blobs: blobs.map(({ digest, size, how }) => ({ digest, size, how })),
      tags: plan.names,
    },
    text: printable(lines.join('\n')),
  }
}

function nameLine({ name, digest, before }: PlannedName, is: string): string {
  return `${name} ${is} ${digest}${before === undefined ? '' : ` (was ${before})`}`
}
