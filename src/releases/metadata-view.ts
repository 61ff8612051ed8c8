import { bytesOf, digestOf } from '../kit/index.ts'
import { type ObjectStore, readAll } from '../store/index.ts'
import type { ReleaseContext } from './context.ts'
import { filesOf } from './find.ts'
import { metadataText } from './metadata.ts'
import { lastStable, stable } from './product.ts'
import { channelsEver, type VariantRef } from './state.ts'
import type { DesiredFile, View } from './view.ts'

const maxMetadataBytes = 16 << 20

/** The metadata files in the work tree: `stable/<v>/metadata.txt`, `archives/<v>/<time>_metadata.txt`, and so on. */
export async function metadataView(context: ReleaseContext, variant: string, ref: VariantRef, to: ObjectStore): Promise<View> {
  const pruned = new Set(ref.state.pruned)
  const ever = channelsEver(ref)
  const channels = new Set([stable, lastStable, ...ever])
  const channelKeys = new Set([...ever].map((channel) => metadataKey(channel, variant)))
  return {
    to,
    desired: await desiredTexts(context, variant, ref),
    prefixes: [...[...channels].sort().map((channel) => `${channel}/${variant}/`), `archives/${variant}/`],
    isOurs: async ({ key }) => channelKeys.has(key) || [...pruned].some((at) => key === archivedMetadataKey(variant, at)),
    digestOf: async (info) => {
      if (info.size > maxMetadataBytes) return undefined
      return digestOf((await readAll(to, info.key, { limit: maxMetadataBytes, signal: context.signal })).bytes)
    },
  }
}

export function metadataKey(channel: string, variant: string): string {
  return `${channel}/${variant}/metadata.txt`
}

function archivedMetadataKey(variant: string, at: string): string {
  return `archives/${variant}/${at}_metadata.txt`
}

async function desiredTexts(context: ReleaseContext, variant: string, ref: VariantRef): Promise<Map<string, DesiredFile>> {
  const desired = new Map<string, DesiredFile>()
  const names = [
    ...Object.entries(ref.state.channels).map(([channel, id]) => ({ key: metadataKey(channel, variant), id })),
    ...ref.state.archives.map((archived) => ({ key: archivedMetadataKey(variant, archived.at), id: archived.release })),
  ]
  for (const { key, id } of names) {
    const summary = ref.state.releases[id]!
    const bytes = new TextEncoder().encode(metadataText({ ...summary, variant, files: await filesOf(context, { id, summary }) }))
    desired.set(key, { size: bytes.byteLength, digest: digestOf(bytes), source: { bytes: bytesOf(bytes) } })
  }
  return desired
}
