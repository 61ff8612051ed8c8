import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Path } from './keys.ts'
import type { ReleaseConfig, StoreConfig } from './settings.ts'

/** Two keys whose places would get into each other's way. */
export interface Overlap {
  readonly path: Path
  readonly says: string
}

/**
 * Places that cannot be what they are told to be at once: what is published or written into the work tree would be taken for the
 * store's own keys, or for another product's files, and be overwritten by turns.
 */
export function overlapsOf(store: StoreConfig, releases: Readonly<Record<string, ReleaseConfig>>): Overlap[] {
  const products = Object.values(releases)
  return [
    ...products.flatMap((product) => overlapsWithin(store, product)),
    ...products.flatMap((product, at) => products.slice(0, at).flatMap((other) => overlapsBetween(other, product))),
  ]
}

function overlapsWithin(store: StoreConfig, { name, publish, metadata }: ReleaseConfig): Overlap[] {
  const found: Overlap[] = []
  if (publish !== undefined && isWithin(publish.url, store.url))
    found.push({
      path: ['release', name, 'publish'],
      says: `${publish.url} lies in the store ${store.url}; expected a place of its own, or one around the store`,
    })
  if (metadata === undefined) return found
  const folder = pathToFileURL(metadata).href
  const at = ['release', name, 'metadata']
  if (isWithin(folder, store.url))
    found.push({ path: at, says: `the folder lies in the store ${store.url}; expected a folder outside of it` })
  if (publish !== undefined && isWithin(folder, publish.url) && isWithin(publish.url, folder))
    found.push({ path: at, says: 'the same folder as publish; expected one for metadata alone' })
  return found
}

function overlapsBetween(one: ReleaseConfig, other: ReleaseConfig): Overlap[] {
  const variant = Object.keys(other.variants).find((each) => Object.hasOwn(one.variants, each))
  if (variant === undefined) return []
  const found: Overlap[] = []
  if (one.metadata !== undefined && one.metadata === other.metadata)
    found.push({
      path: ['release', other.name, 'metadata'],
      says: `${one.name} writes stable/${variant}/metadata.txt into the same folder; expected a folder for each product`,
    })
  const names = new Set(one.artifacts.map((artifact) => path.basename(artifact)))
  const shared = other.artifacts.map((artifact) => path.basename(artifact)).find((artifact) => names.has(artifact))
  if (shared !== undefined && one.publish !== undefined && one.publish.url === other.publish?.url)
    found.push({
      path: ['release', other.name, 'publish'],
      says: `${one.name} publishes stable/${variant}/${shared} in the same place; expected another place, or another name of the artifact`,
    })
  return found
}

/** Whether a place is another one or lies in it. Stores in memory have no places inside of them. */
function isWithin(inner: string, outer: string): boolean {
  const [a, b] = [withSlash(inner), withSlash(outer)]
  return a !== undefined && b !== undefined && a.startsWith(b)
}

function withSlash(url: string): string | undefined {
  if (url === 'memory:') return undefined
  const place = url.startsWith('file:') ? `file:${fileURLToPath(url)}` : url
  return place.endsWith('/') ? place : `${place}/`
}
