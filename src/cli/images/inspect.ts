import { type Command, Option } from 'commander'
import { type Origin, originOf } from '../../images/index.ts'
import { Fault, formatBytes } from '../../kit/index.ts'
import {
  choosePlatform,
  type DescribedImage,
  describeImage,
  formatPlatform,
  openSource,
  parseManifest,
  type Platform,
  readSmallBlob,
  type StoredManifest,
} from '../../oci/index.ts'
import type { Call, Cli } from '../command.ts'
import type { Outcome } from '../output.ts'
import { renderTable } from '../table.ts'
import { printable } from '../width.ts'
import { timeText } from '../words.ts'
import { packedAside, platformOption } from './copy.ts'
import { imageForms, placeFrom, placeText, reachOptions, type ReachFlags, registriesOf } from './registries.ts'

interface InspectFlags extends ReachFlags {
  readonly platform?: Platform
  readonly raw?: boolean
  readonly imageConfig?: boolean
}

export function addInspectCommand(images: Command, cli: Cli): void {
  cli.add<InspectFlags>(images, {
    name: 'inspect',
    summary: 'Show what an image is made of: digest, platforms, layers, sizes, labels, what refers to it',
    args: [['<image>', imageForms]],
    options: [
      platformOption('of an index, the image of this platform'),
      new Option('--raw', 'the manifest, byte for byte').conflicts('imageConfig'),
      new Option('--image-config', 'the config, byte for byte'),
      ...reachOptions(),
    ],
    examples: [
      ['holdfast images inspect registry.example.com/app:1.2', 'a summary'],
      ['holdfast images inspect --raw registry.example.com/app:1.2 | sha256sum', 'its digest, computed again'],
      ['holdfast images inspect oci:backup:1.2 --platform linux/arm64', 'one image of an index'],
    ],
    run: inspect,
  })
}

async function inspect(call: Call<InspectFlags>): Promise<Outcome> {
  const { options, args, signal } = call
  const place = placeFrom(call, args[0]!)
  const hosts = place.kind === 'registry' ? [place.name.registry] : []
  const opened = await openSource(place, await registriesOf(call, hosts))
  try {
    const source = await packedAside(call, place, opened.source)
    const found = await source.resolve(opened.ref, { signal })
    const stored = options.platform === undefined ? found : await choosePlatform(source, found, options.platform, { signal })
    if (options.raw === true) return await exactly(call, stored, stored.bytes)
    if (options.imageConfig === true) return await exactly(call, stored, await configBytes(source, stored, signal))
    const described = await describeImage(source, stored, { signal })
    const origin = await originOf(source, stored, { signal })
    const text = [describedText(call, placeText(place), described), ...(origin === undefined ? [] : [printable(originText(origin))])].join(
      '\n\n',
    )
    return { result: { image: placeText(place), ...described, origin }, text }
  } finally {
    await opened.source.close()
  }
}

async function configBytes(source: Parameters<typeof readSmallBlob>[0], stored: StoredManifest, signal: AbortSignal): Promise<Uint8Array> {
  const content = parseManifest(stored)
  if (content.kind === 'manifest') return await readSmallBlob(source, content.config, { signal })
  const platforms = content.manifests.flatMap(({ platform }) => (platform === undefined ? [] : formatPlatform(platform)))
  throw new Fault('invalid', 'an index has no config: its images have', { hint: `choose one with --platform: ${platforms.join(', ')}` })
}

/** Nothing is added to the bytes, so that their digest is right for whoever reads them. */
async function exactly({ options, host }: Call<object>, { digest, mediaType }: StoredManifest, bytes: Uint8Array): Promise<Outcome> {
  const text = new TextDecoder().decode(bytes)
  if (options.json !== true) await host.stdout.writeBytes(bytes)
  return { result: { digest, mediaType, text }, text: '' }
}

/** The layers are shown already. */
function originText({ runUrl, attempt, commit, artifact, artifactDigest, entry, metadata }: Origin): string {
  const facts: [string, string | undefined][] = [
    ['run', `${runUrl}, attempt ${attempt}`],
    ['commit', commit],
    ['artifact', `${artifact}${artifactDigest === undefined ? '' : `, ${artifactDigest}`}`],
    ['tarball', entry],
    ...Object.entries(metadata.fields),
  ]
  return ['origin', ...facts.flatMap(([key, value]) => (value === undefined ? [] : `  ${key}: ${value}`))].join('\n')
}

function describedText(call: Call<object>, name: string, image: DescribedImage): string {
  const facts: [string, string | undefined][] = [
    ['image', name],
    ['digest', image.digest],
    ['kind', `${image.kind}, ${image.mediaType}${image.artifactType === undefined ? '' : `, ${image.artifactType}`}`],
    ['platform', image.platform === undefined ? undefined : formatPlatform(image.platform)],
    ['created', image.created === undefined ? undefined : timeText(image.created)],
    ['size', formatBytes(image.size)],
    ['subject', image.subject],
    ['config', image.config?.digest],
  ]
  const { width, paint } = call
  const table = { width, paintHeader: paint.bold }
  const lines = facts.flatMap(([key, value]) => (value === undefined ? [] : `${key.padEnd(10)}${value}`))
  // Tables are made for terminals already: what they colour stays.
  const parts = [lines.map(printable).join('\n')]
  if (image.images.length > 0) {
    parts.push(
      renderTable(
        [
          { header: 'PLATFORM', cell: ({ platform }) => (platform === undefined ? '-' : formatPlatform(platform)) },
          { header: 'DIGEST', cell: ({ digest }) => digest, min: 16 },
          { header: 'SIZE', cell: ({ total }) => (total === undefined ? 'not there' : formatBytes(total)), align: 'right' },
        ],
        image.images,
        table,
      ),
    )
  }
  if (image.layers.length > 0) {
    parts.push(
      renderTable(
        [
          { header: 'LAYER', cell: ({ digest }) => digest, min: 16 },
          { header: 'SIZE', cell: ({ size }) => formatBytes(size), align: 'right' },
          { header: 'TYPE', cell: ({ mediaType }) => mediaType, priority: 1 },
        ],
        image.layers,
        table,
      ),
    )
  }
  for (const [title, record] of [
    ['annotations', image.annotations],
    ['labels', image.labels],
  ] as const) {
    const lines = Object.entries(record).map(([key, value]) => `  ${key}: ${value}`)
    if (lines.length > 0) parts.push(printable([title, ...lines].join('\n')))
  }
  if (image.referrers.length > 0) {
    parts.push(
      printable(
        ['referrers', ...image.referrers.map(({ digest, artifactType, mediaType }) => `  ${digest}  ${artifactType ?? mediaType}`)].join(
          '\n',
        ),
      ),
    )
  }
  return parts.join('\n\n')
}
