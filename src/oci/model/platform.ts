import { Fault } from '../../kit/index.ts'

/** What an image runs on, in the words of Go: `linux/amd64`, `linux/arm/v7`. */
export interface Platform {
  readonly os: string
  readonly architecture: string
  readonly variant?: string | undefined
  /** Of Windows: an image runs on hosts of its version alone. */
  readonly 'os.version'?: string | undefined
}

/** Throws `invalid`. */
export function parsePlatform(text: string): Platform {
  const [, os, architecture, variant] = /^([a-z0-9_]+)\/([a-z0-9_]+)(?:\/([a-z0-9_.]+))?$/.exec(text) ?? []
  if (os === undefined || architecture === undefined) {
    throw new Fault('invalid', `not a platform: ${JSON.stringify(text.slice(0, 100))}`, {
      hint: 'a platform is written os/architecture or os/architecture/variant, such as linux/amd64 or linux/arm/v7',
    })
  }
  return { os, architecture, ...(variant === undefined ? {} : { variant }) }
}

/** As people write it: `linux/arm64/v8`. */
export function formatPlatform({ os, architecture, variant, 'os.version': version }: Platform): string {
  return `${os}/${architecture}${variant === undefined ? '' : `/${variant}`}${version === undefined ? '' : ` (${version})`}`
}

/** Whether an image of this platform is what was wanted. Without a variant any will do; `arm64` alone is `v8`. */
export function isPlatform(platform: Platform, wanted: Platform): boolean {
  if (platform.os !== wanted.os || platform.architecture !== wanted.architecture) return false
  return wanted.variant === undefined || variantOf(platform) === variantOf(wanted)
}

function variantOf({ architecture, variant }: Platform): string | undefined {
  return variant ?? (architecture === 'arm64' ? 'v8' : undefined)
}
