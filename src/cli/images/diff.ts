import { type Command, Option } from 'commander'
import { formatBytes } from '../../kit/index.ts'
import {
  choosePlatform,
  compareImages,
  type ComparedImages,
  type ImageDifference,
  openSource,
  type Place,
  type Platform,
} from '../../oci/index.ts'
import type { Call, Cli } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { countText } from '../words.ts'
import { packedAside, platformOption } from './copy.ts'
import { imageForms, placeFrom, placeText, reachOptions, type ReachFlags, registriesOf } from './registries.ts'

interface DiffFlags extends ReachFlags {
  readonly platform?: Platform
  readonly exitCode?: boolean
}

export function addDiffCommand(images: Command, cli: Cli): void {
  cli.add<DiffFlags>(images, {
    name: 'diff',
    summary: 'Show how two images differ: layers, config, annotations, platforms',
    args: [
      ['<a>', imageForms],
      ['<b>', 'the other one'],
    ],
    options: [
      platformOption('compare the images of this platform alone'),
      new Option('--exit-code', 'exit with 1 where they differ'),
      ...reachOptions(),
    ],
    examples: [
      ['holdfast images diff registry.example.com/app:1.1 registry.example.com/app:1.2', 'two releases'],
      ['holdfast images diff oci:build:app registry.example.com/app:1.2 --exit-code', 'whether it was pushed'],
    ],
    run: diff,
  })
}

async function diff(call: Call<DiffFlags>): Promise<Outcome> {
  const { args, options, signal } = call
  const places = [placeFrom(call, args[0]!), placeFrom(call, args[1]!)] as const
  const hosts = places.flatMap((place) => (place.kind === 'registry' ? [place.name.registry] : []))
  const registryFor = await registriesOf(call, hosts)
  const side = async (place: Place) => {
    const opened = await openSource(place, registryFor)
    const source = await packedAside(call, place, opened.source)
    const found = await source.resolve(opened.ref, { signal })
    return { source, stored: options.platform === undefined ? found : await choosePlatform(source, found, options.platform, { signal }) }
  }
  const [a, b] = [await side(places[0]), await side(places[1])]
  try {
    const compared = await compareImages(a, b, { signal })
    return {
      result: { images: places.map(placeText), isSame: compared.a === compared.b, ...compared },
      text: printable(comparedText(compared)),
      differs: options.exitCode === true && compared.a !== compared.b,
    }
  } finally {
    await a.source.close()
    await b.source.close()
  }
}

function comparedText({ a, b, differences, shared }: ComparedImages): string {
  if (a === b) return `no difference: both are ${a}`
  const lines = differences.map(lineOf)
  const same = `${countText(shared.layers, 'layer')} shared, ${formatBytes(shared.bytes)}`
  return [
    ...lines,
    differences.length === 0 ? `nothing but the digest differs: ${a} and ${b}` : `${countText(differences.length, 'difference')}; ${same}`,
  ].join('\n')
}

const signs = { added: '+', removed: '-', changed: '~', repacked: '=' } as const

function lineOf({ platform, part, change, what, before, after, size }: ImageDifference): string {
  const where = platform === undefined ? '' : `${platform}  `
  const line = `${signs[change]} ${where}${part.padEnd(10)} ${what}`
  if (part === 'layer') {
    if (change === 'repacked') return `${line}  packed as ${after}, was ${before}`
    return size === undefined ? line : `${line}  ${formatBytes(size)}`
  }
  if (change === 'changed') return `${line}: ${before} -> ${after}`
  const value = after ?? before
  return value === undefined ? line : `${line}: ${value}`
}
