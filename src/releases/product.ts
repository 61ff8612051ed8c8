import { checkKey, compareKeys, Fault } from '../kit/index.ts'

/** A library that is released: what `[release.NAME]` says, with every path absolute. */
export interface Product {
  readonly name: string
  /** Files or directories that a build makes. */
  readonly artifacts: readonly string[]
  /** A shell line; `{field}` stands for the variant's field of that name, `{variant}` for its name. */
  readonly build?: string | undefined
  /** The flag that names a variant, without dashes: `rocm-version`. */
  readonly variantFlag: string
  /** How metadata files call it: `ROCm version`. */
  readonly variantLabel: string
  readonly variants: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** The folder of metadata files in the work tree. */
  readonly metadata?: string | undefined
  /** Repositories whose commits are recorded: name to folder. */
  readonly sources: Readonly<Record<string, string>>
  readonly publish?: Publication | undefined
  readonly onConflict: 'retry' | 'fail'
  /** The folder in which the build runs. */
  readonly root: string
}

export interface Publication {
  readonly url: string
  readonly public?: boolean | undefined
  readonly cacheControl?: string | undefined
}

/** The channel that a release goes to where nothing else is said, and the one that keeps what it replaces. */
export const stable = 'stable'
export const lastStable = 'last-stable'

/** The fields of a variant; throws `invalid` and names those that there are. */
export function variantOf(product: Product, variant: string): Readonly<Record<string, string>> {
  const fields = Object.hasOwn(product.variants, variant) ? product.variants[variant] : undefined
  if (fields !== undefined) return fields
  throw new Fault('invalid', `${product.name} has no ${product.variantFlag} ${JSON.stringify(variant)}`, {
    hint: variantsHint(product),
  })
}

/** What to do about a variant that is not configured. */
export function variantsHint(product: Product): string {
  return `choose one of: ${Object.keys(product.variants).sort(compareKeys).join(', ')}; or add it to [release.${product.name}] variants`
}

/** The ref of a variant. Throws `invalid` for names that cannot be in a key. */
export function refNameFor(product: Product, variant: string): string {
  const name = `${product.name}/${variant}`
  checkKey(name)
  return name
}

export const maxChannelLength = 40

/** Channel names are lower-case words joined by dashes. `last_stable` is accepted for `last-stable`. */
export function channelName(text: string): string {
  const name = text.replaceAll('_', '-')
  if (/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) && name !== 'archives' && name.length <= maxChannelLength) return name
  throw new Fault('invalid', `not a channel: ${JSON.stringify(text)}`, {
    hint: 'write a name such as stable, last-stable or staging (letters, digits and dashes; archives is taken)',
  })
}

/** The command with its fields filled in. Values are quoted for the shell; an unknown field is `invalid`. */
export function buildCommand(product: Product, variant: string): string | undefined {
  const fields: Record<string, string> = { ...variantOf(product, variant), variant }
  return product.build?.replaceAll(/\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_whole, name: string) => {
    if (Object.hasOwn(fields, name)) return quoted(fields[name]!)
    throw new Fault('invalid', `the build command of ${product.name} uses {${name}}, which variant ${variant} does not have`, {
      hint: `its fields are: ${Object.keys(fields).join(', ')}`,
    })
  })
}

function quoted(value: string): string {
  return /^[A-Za-z0-9_.,:+@%/=-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`
}
