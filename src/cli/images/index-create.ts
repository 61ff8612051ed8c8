import type { Command } from 'commander'
import { Fault, formatBytes } from '../../kit/index.ts'
import { carryOutCopy, formatPlatform, joinImages, openSource, openTarget, packedFor, planCopy } from '../../oci/index.ts'
import { type Call, type Cli, repeatedOption } from '../command.ts'
import type { Outcome } from '../output.ts'
import { copiedOutcome, nameThere, packing, plannedOutcome, targetOptions, wishesOf, type WriteFlags, writeOptions } from './copy.ts'
import { imageForms, placeFrom, placeText, registriesOfSides, sidesOptions } from './registries.ts'

interface CreateFlags extends WriteFlags {
  readonly annotation?: readonly string[]
}

export function addIndexCommand(images: Command, cli: Cli): void {
  const index = cli.group(images, 'index', 'Images of several platforms under one tag', [
    [
      'holdfast images index create registry.example.com/app:1.2 registry.example.com/x86/app:1.2 registry.example.com/arm/app:1.2',
      'join two',
    ],
  ])
  cli.add<CreateFlags>(index, {
    name: 'create',
    summary: 'Join images of different platforms into one tag',
    more: 'Each image is for the platform that its own config says; of an index, its images are taken. What the target lacks is mounted or copied first, and the tag is put last.',
    args: [
      ['<target>', 'where the tag is to be'],
      ['<image...>', imageForms],
    ],
    options: [repeatedOption('--annotation <key=value>', 'of the index'), ...writeOptions(), ...sidesOptions()],
    writes: true,
    examples: [
      [
        'holdfast images index create registry.example.com/app:1.2 registry.example.com/x86/app:1.2 registry.example.com/arm/app:1.2',
        'x86 and arm',
      ],
    ],
    run: create,
  })
}

async function create(call: Call<CreateFlags>): Promise<Outcome> {
  const { options, args, signal } = call
  const to = placeFrom(call, args[0]!)
  const from = args.slice(1).map((text) => placeFrom(call, text!))
  if (to.kind === 'docker-archive')
    throw new Fault('invalid', 'a docker-archive holds no index', { hint: 'write it to oci: or oci-archive:' })
  const annotations = annotationsOf(options.annotation)
  const registries = await registriesOfSides(call, from, to)
  const place = await openTarget(to, await targetOptions(call, from, registries.target))
  try {
    const pack = await packing(call, options.dryRun === true ? undefined : place.target)
    const sides = []
    for (const each of from) {
      const { source, ref } = await openSource(each, registries.source)
      const packed = packedFor(each, to, source, pack)
      sides.push({ source: packed, stored: await packed.resolve(ref, { signal }) })
    }
    const source = await joinImages(sides, annotations, { signal })
    const plan = await planCopy({ ...(await wishesOf(call)), as: place.as, digest: place.digest, source, target: place.target, signal })
    const names = { source: from.map(placeText).join(', '), target: nameThere(to, place.as) }
    const done =
      options.dryRun === true
        ? plannedOutcome(plan, names)
        : await copiedOutcome(call, plan, await carryOutCopy(plan, { ...pack, source, target: place.target, signal }), names)
    const entries = source.entries.map(({ digest, size, platform }) => {
      return `  ${platform === undefined ? '-' : formatPlatform(platform)}  ${digest}  ${formatBytes(size)}`
    })
    return { ...done, result: { ...(done.result as object), images: source.entries }, text: [done.text, ...entries].join('\n') }
  } finally {
    await place.target.close()
  }
}

function annotationsOf(texts: readonly string[] = []): Record<string, string> | undefined {
  const pairs = texts.map((text) => {
    const at = text.indexOf('=')
    if (at > 0) return [text.slice(0, at), text.slice(at + 1)] as const
    throw new Fault('invalid', `--annotation: not key=value: ${JSON.stringify(text)}`, {
      hint: 'such as org.opencontainers.image.version=1.2',
    })
  })
  return pairs.length === 0 ? undefined : Object.fromEntries(pairs)
}
