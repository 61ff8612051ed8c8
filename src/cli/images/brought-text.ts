import { type BroughtImage, wasDone } from '../../images/index.ts'
import { type Digest, faultToJson, formatBytes } from '../../kit/index.ts'
import type { Call } from '../command.ts'
import { printable } from '../width.ts'
import { countText } from '../words.ts'

/** What became of images, a line for each, and for each tag that moved with it. */
export function broughtLines(images: readonly BroughtImage[], { paint }: Pick<Call<object>, 'paint'>): string[] {
  return images.flatMap((each) => {
    const { name, fault, latest } = each
    const moved =
      latest === undefined || latest.tag === 'same'
        ? []
        : [`    latest: ${latest.before === undefined ? '' : `${shortDigest(latest.before)} -> `}${shortDigest(latest.digest)}`]
    const mark = fault !== undefined ? paint.red('!') : wasDone(each) ? paint.green('+') : '='
    return [`  ${mark} ${printable(`${name}${what(each)}`)}`, ...moved]
  })
}

function what({ pushed, fault }: BroughtImage): string {
  if (fault !== undefined) return `: ${fault.message}`
  if (pushed === undefined) return ' was there already'
  const { digest, before, tag, layers, sentBytes } = pushed
  const sent = layers.filter(({ how }) => how === 'sent').length
  const mounted = layers.filter(({ how }) => how === 'mounted').length
  const cost = `${countText(sent, 'layer')} sent${mounted === 0 ? '' : `, ${mounted} mounted`}, ${formatBytes(sentBytes)}`
  if (tag === 'created') return ` ${shortDigest(digest)} (${cost})`
  if (tag === 'moved') return ` ${shortDigest(before!)} -> ${shortDigest(digest)} (${cost})`
  return tag === 'same' ? ` ${shortDigest(digest)} was there already` : ` ${shortDigest(digest)} is another one, and was left alone`
}

/** Enough of it to tell one from another. */
export function shortDigest(digest: Digest): string {
  return digest.slice(0, 'sha256:'.length + 12)
}

export function broughtToJson({ image, name, pushed, latest, fault }: BroughtImage): Record<string, unknown> {
  const { repository, tag, family, platform } = image
  const counted = (how: string) => pushed?.layers.filter((layer) => layer.how === how).length ?? 0
  return {
    name,
    repository,
    tag,
    family,
    platform,
    state: fault === undefined ? (pushed?.tag ?? 'there') : 'failed',
    digest: pushed?.digest ?? latest?.digest,
    before: pushed?.before,
    layers: { sent: counted('sent'), mounted: counted('mounted'), there: counted('there') },
    sentBytes: pushed?.sentBytes ?? 0,
    referrer: pushed?.referrer,
    latest: latest === undefined ? undefined : { state: latest.tag, digest: latest.digest, before: latest.before },
    fault: fault === undefined ? undefined : faultToJson(fault),
  }
}

/** With --verbose: what became of each layer. */
export function layerLines(images: readonly BroughtImage[]): string[] {
  return images.flatMap(({ name, pushed }) =>
    (pushed?.layers ?? []).map(
      ({ digest, size, how, by }) => `${name}: ${shortDigest(digest)} ${formatBytes(size)} ${how} (known by ${by})`,
    ),
  )
}
