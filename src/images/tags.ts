import { Fault } from '../kit/index.ts'
import { isTag } from '../oci/index.ts'
import type { Architecture, Family, ImagesSettings, RunMetadata } from './settings.ts'

/** An image that a run made and that the registry is to have. */
export interface WantedImage {
  readonly family: string
  /** `linux/amd64` */
  readonly platform: string
  /** Below the registry's project: `x86/presto-coordinator`. */
  readonly repository: string
  readonly tag: string
  /** Its file in the run's artifact. */
  readonly tarball: string
}

type Rules = Pick<ImagesSettings, 'preset' | 'moving'>

/** The images of a run, in the families' order. Throws `invalid` where its tag does not follow the rule, or the block contradicts it. */
export function wantedImages(rules: Rules, metadata: RunMetadata): readonly WantedImage[] {
  const { architecture, tag } = splitRunTag(rules, metadata.tag)
  const { platform: platformKey } = rules.preset.metadata
  const stated = valueOf(metadata.fields, platformKey)
  if (stated !== undefined && stated.toLowerCase() !== architecture.platform) {
    throw new Fault('invalid', `${shown(metadata.tag)} ends as one for ${architecture.platform}, and ${platformKey} says ${shown(stated)}`)
  }
  return rules.preset.families
    .filter((family) => isMade(rules, family, metadata))
    .map((family) => ({
      family: family.name,
      platform: architecture.platform,
      repository: `${architecture.folder}/${family.name}`,
      tag,
      tarball: family.tarball.replaceAll('{family}', family.name).replaceAll('{tag}', metadata.tag),
    }))
}

/** `presto-…-linux-amd64` -> the folder `x86` and the tag `presto-…`. Throws `invalid` where the tag does not follow the rule. */
export function registryTag(rules: Rules, runTag: string): { readonly folder: string; readonly platform: string; readonly tag: string } {
  const { architecture, tag } = splitRunTag(rules, runTag)
  return { folder: architecture.folder, platform: architecture.platform, tag }
}

/** What a registry's tag is of; undefined where no run can have made it. `repository` is below the registry's project. */
export function runTagOf(
  rules: Rules,
  repository: string,
  tag: string,
): { readonly runTag: string; readonly family: string; readonly platform: string } | undefined {
  const { architectures, families } = rules.preset
  const [folder = '', name, ...more] = repository.split('/')
  const architecture = architectures.find((each) => each.folder === folder)
  const family = families.find((each) => each.name === name)
  if (architecture === undefined || family === undefined || more.length > 0 || !isPlainTag(rules, tag)) return undefined
  const runTag = `${tag}-${architecture.suffix}`
  // A suffix may end as another one does: then the longer tag is of the longer suffix.
  if (suffixOf(architectures, runTag) !== architecture) return undefined
  return { runTag, family: family.name, platform: architecture.platform }
}

/** A tag under which clients keep signatures and referrers of a digest: distribution-spec 1.1, "Referrers Tag Schema". */
export function isDigestTag(tag: string): boolean {
  return /^sha(256-[0-9a-f]{64}|512-[0-9a-f]{128})([.-].*)?$/.test(tag)
}

function splitRunTag(rules: Rules, runTag: string): { readonly architecture: Architecture; readonly tag: string } {
  const { architectures } = rules.preset
  const architecture = suffixOf(architectures, runTag)
  if (architecture === undefined) {
    const suffixes = architectures.map(({ suffix }) => `-${suffix}`)
    throw new Fault('invalid', `not a run’s tag: ${shown(runTag)} does not end with ${suffixes.join(' or ')}`, {
      hint: 'a run’s tag is the value of `Image tag` in its metadata block, such as presto-92865fbce0d2-velox-65797d572e0a-linux-amd64',
    })
  }
  const tag = runTag.slice(0, -architecture.suffix.length - 1)
  if (!isTag(runTag) || !isTag(tag)) throw new Fault('invalid', `not a run’s tag: no registry could have ${shown(runTag)}`)
  if (!isPlainTag(rules, tag)) {
    throw new Fault('invalid', `the run’s tag ${shown(runTag)} would be ${shown(tag)} in the registry, which is not for runs`, {
      hint: 'tags that move, and those that name a digest, are never a run’s own',
    })
  }
  return { architecture, tag }
}

function suffixOf(architectures: readonly Architecture[], runTag: string): Architecture | undefined {
  const fitting = architectures.filter(({ suffix }) => runTag.endsWith(`-${suffix}`))
  return fitting.toSorted((a, b) => b.suffix.length - a.suffix.length)[0]
}

function isPlainTag({ moving }: Rules, tag: string): boolean {
  return isTag(tag) && !moving.includes(tag) && !isDigestTag(tag)
}

/** What the block says; where it says nothing, that is a fault: a family is never guessed. */
function isMade({ preset }: Rules, { name, flag, modes, variants }: Family, { tag, fields }: RunMetadata): boolean {
  if (flag === undefined && modes === undefined && variants === undefined) return true
  const flagged = valueOf(fields, flag)
  if (flagged !== undefined) {
    if (/^true$/i.test(flagged)) return true
    if (/^false$/i.test(flagged)) return false
    throw new Fault('invalid', `${shown(tag)}: ${flag} is ${shown(flagged)}, neither true nor false`)
  }
  const { mode: modeKey, variant: variantKey, variantMode } = preset.metadata
  const mode = valueOf(fields, modeKey)
  const variant = valueOf(fields, variantKey)
  if (mode !== undefined && modes?.includes(mode) === true) return true
  if (mode !== undefined && mode !== variantMode) return false
  if (mode !== undefined && variant !== undefined) return variants?.includes(variant) === true
  const lacking = [flag, mode === undefined ? modeKey : variantKey].filter((key) => key !== undefined)
  throw new Fault('invalid', `${shown(tag)}: its metadata block does not say whether ${name} was built`, {
    hint: `it would say so with: ${lacking.join(', ')}`,
  })
}

function valueOf(fields: RunMetadata['fields'], key: string | undefined): string | undefined {
  return key === undefined || !Object.hasOwn(fields, key) ? undefined : fields[key]
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 200))
}
