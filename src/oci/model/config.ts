import * as v from 'valibot'
import { type Digest, Fault, isDigest, parseJson } from '../../kit/index.ts'
import type { Platform } from './platform.ts'

export const maxConfigBytes = 16 << 20

/** What an image's config says that copying and comparing need; all else of it is passed on as it is. */
export interface ImageConfig {
  readonly platform: Platform
  /** The digests of the layers without compression, from the lowest up. */
  readonly diffIds: readonly Digest[]
  /** An RFC 3339 time, as it stands there. */
  readonly created?: string | undefined
  /** How the image runs: environment, command, labels. */
  readonly config?: Readonly<Record<string, unknown>> | undefined
}

const shape = v.object({
  os: v.optional(v.string(), 'linux'),
  architecture: v.optional(v.string(), 'unknown'),
  variant: v.optional(v.string()),
  'os.version': v.optional(v.string()),
  created: v.optional(v.nullable(v.string())),
  config: v.optional(v.nullable(v.record(v.string(), v.unknown()))),
  rootfs: v.object({ diff_ids: v.nullable(v.array(v.custom<Digest>(isDigest, 'not a digest of SHA-256'))) }),
})

/** Throws `corrupt` for what is no config of an image: image-spec 1.1, config.md. */
export function parseConfig(bytes: Uint8Array, at: string): ImageConfig {
  if (bytes.byteLength > maxConfigBytes) {
    throw new Fault('corrupt', `a config of ${bytes.byteLength} bytes is larger than its limit of ${maxConfigBytes}`, { at })
  }
  const { os, architecture, variant, 'os.version': version, created, config, rootfs } = parseJson(shape, bytes, at)
  return {
    platform: { os, architecture, ...filled('variant', variant), ...filled('os.version', version) },
    diffIds: rootfs.diff_ids ?? [],
    created: created ?? undefined,
    config: config ?? undefined,
  }
}

function filled(name: 'variant' | 'os.version', text: string | undefined): Partial<Platform> {
  return text === undefined || text === '' ? {} : { [name]: text }
}
