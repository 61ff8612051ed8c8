import { Option } from 'commander'
import type { Config, ReleaseConfig } from '../../config/index.ts'
import { compareKeys, Fault, parseTime } from '../../kit/index.ts'
import type { Selector } from '../../releases/index.ts'

export const productArgument = ['[product]', 'the product of holdfast.toml; may be left out where there is one'] as const

/** Flags that name a variant: `rocm-version`, and the variants that it may name. */
export type VariantFlags = ReadonlyMap<string, readonly string[]>

export function variantFlagsOf(config: Config | undefined): VariantFlags {
  const flags = new Map<string, readonly string[]>()
  for (const { variantFlag, variants } of Object.values(config?.release ?? {})) {
    flags.set(variantFlag, [...new Set([...(flags.get(variantFlag) ?? []), ...Object.keys(variants)])].toSorted(compareKeys))
  }
  return flags
}

/** `--variant`, and the flags that the products of this project have for it. */
export function variantOptions(flags: VariantFlags): Option[] {
  const all: VariantFlags = new Map([['variant', []], ...flags])
  return [...all].map(([flag, variants]) => {
    const meaning = flag === 'variant' ? 'the variant, whatever flag the product has for it' : 'the variant'
    const option = new Option(`--${flag} <name>`, meaning)
    // Offered for completion and shown in help, but not enforced: a variant may have left the configuration and have releases.
    return variants.length === 0 ? option : Object.assign(option, { argChoices: [...variants] })
  })
}

export interface ProductChoice {
  readonly product: ReleaseConfig
  /** Undefined where none was named. */
  readonly variant: string | undefined
}

/** Product and variant as the command line names them. The product may be left out where there is one. */
export function chooseProduct(config: Config, name: string | undefined, options: object): ProductChoice {
  const product = productNamed(config, name)
  return { product, variant: variantNamed(config, product, options) }
}

/** The same where one variant is needed: it may be left out where the product has one. */
export function chooseVariant(config: Config, name: string | undefined, options: object): { product: ReleaseConfig; variant: string } {
  const { product, variant } = chooseProduct(config, name, options)
  const all = Object.keys(product.variants).toSorted(compareKeys)
  const chosen = variant ?? (all.length === 1 ? all[0] : undefined)
  if (chosen !== undefined) return { product, variant: chosen }
  throw new Fault('invalid', `which variant of ${product.name}? Its variants are: ${all.join(', ')}`, {
    hint: `add --${product.variantFlag} ${all[0]}`,
  })
}

function productNamed(config: Config, name: string | undefined): ReleaseConfig {
  const names = Object.keys(config.release).toSorted(compareKeys)
  const where = config.file ?? 'holdfast.toml'
  if (names.length === 0) {
    throw new Fault('invalid', 'no product is configured', {
      at: config.file,
      hint:
        config.file === undefined
          ? 'run `holdfast init` and say under [release.NAME] what your build makes'
          : `add a table [release.NAME] to ${where}`,
    })
  }
  const chosen = name ?? (names.length === 1 ? names[0] : undefined)
  if (chosen === undefined)
    throw new Fault('invalid', `which product? ${where} has: ${names.join(', ')}`, { hint: 'name it after the command' })
  const product = Object.hasOwn(config.release, chosen) ? config.release[chosen] : undefined
  if (product !== undefined) return product
  throw new Fault('invalid', `there is no product ${JSON.stringify(chosen)}`, {
    hint: `choose one of: ${names.join(', ')}; or add [release.${chosen}] to ${where}`,
  })
}

function variantNamed(config: Config, product: ReleaseConfig, options: object): string | undefined {
  const given = [...new Set(['variant', product.variantFlag])].flatMap((flag) => {
    const value = valueOf(options, flag)
    return value === undefined ? [] : [{ flag, value }]
  })
  const strange = [...variantFlagsOf(config).keys()].find(
    (flag) => flag !== product.variantFlag && flag !== 'variant' && valueOf(options, flag) !== undefined,
  )
  if (strange !== undefined) {
    throw new Fault('invalid', `--${strange} does not name a variant of ${product.name}`, { hint: `use --${product.variantFlag}` })
  }
  const [first, second] = given
  if (first !== undefined && second !== undefined && first.value !== second.value) {
    throw new Fault('invalid', `--${first.flag} ${first.value} and --${second.flag} ${second.value} name two variants`, {
      hint: 'give one of them',
    })
  }
  return first?.value
}

function valueOf(options: object, flag: string): string | undefined {
  const name = new Option(`--${flag} <name>`).attributeName()
  const value: unknown = Object.hasOwn(options, name) ? Reflect.get(options, name) : undefined
  return typeof value === 'string' ? value : undefined
}

/** The options that say which release is meant. */
export interface SelectorOptions {
  readonly channel?: string
  readonly archive?: string
  readonly asOf?: string
}

export function selectorOptions(): Option[] {
  return [
    new Option('--channel <name>', 'what this channel holds (default: stable)'),
    new Option('--archive <id>', 'the archived release of this time (20250107_143000) or id').conflicts(['channel', 'asOf']),
    new Option('--as-of <time>', 'what the channel held at this time (2025-01-15T14:30Z, or an age: 36h)'),
  ]
}

export function selectorFrom({ channel, archive, asOf }: SelectorOptions, now: number): Selector {
  if (archive !== undefined) return { archive }
  if (asOf !== undefined) return { asOf: timeFrom('--as-of', asOf, now), channel }
  return { channel: channel ?? 'stable' }
}

/** `stable`, `20250107_143000` or an id: a channel unless it looks like one of the others. */
export function selectorNamed(text: string): Selector {
  const isId = /^sha256:[0-9a-f]{4,64}$/.test(text) || (/^[0-9a-f]{4,64}$/.test(text) && /\d/.test(text))
  return isId || /^\d{8}_\d{6}$/.test(text) ? { archive: text } : { channel: text }
}

export function timeFrom(flag: string, text: string, now: number): number {
  try {
    return parseTime(text, now)
  } catch (error) {
    throw error instanceof Fault ? new Fault(error.code, `${flag}: ${error.message}`, { hint: error.hint }) : error
  }
}
