import path from 'node:path'
import * as v from 'valibot'
import type { Architecture, Family, ImagesSettings, MetadataKeys, velox, WorkflowInput } from '../images/index.ts'
import { Fault, parseDuration } from '../kit/index.ts'
import { imagesSchema, type WrittenImages } from './images-schema.ts'
import type { Config } from './load.ts'

/** What flags say in place of the configuration. */
export type ImagesFlags = {
  readonly [
    Key in
      | 'repo'
      | 'workflow'
      | 'branch'
      | 'limit'
      | 'gitlabHost'
      | 'gitlabProject'
      | 'tagsFrom'
      | 'registry'
      | 'registryProject'
      | 'registryUsername'
      | 'isPlain'
      | 'downloadsDir'
      | 'interval'
  ]?: ImagesSettings[Key] | undefined
}

/** The variable that tells GitHub's own client which server is meant. */
export interface ImagesVariables {
  readonly GH_HOST?: string | undefined
}

/**
 * `[images]` with the preset's values where nothing else is given, and flags before both. Throws `invalid` and names every key that is missing.
 * The room of images is loaded with it: other commands do without.
 */
export async function imagesSettings(
  config: Pick<Config, 'images' | 'file' | 'root'>,
  flags: ImagesFlags = {},
  variables: ImagesVariables = {},
): Promise<ImagesSettings> {
  const [{ velox }, { isRepository }] = await Promise.all([import('../images/index.ts'), import('../oci/index.ts')])
  const written = config.images ?? { ...v.parse(imagesSchema, {}), downloads_dir: path.resolve(config.root, 'downloads') }
  const preset = written.preset === 'velox' ? velox : undefined
  const project = flags.gitlabProject ?? written.gitlab_project ?? preset?.gitlabProject
  const registryProject =
    flags.registryProject ??
    written.registry_project ??
    (project !== undefined && /^\d+$/.test(project) ? undefined : project?.toLowerCase())
  const needed = {
    repo: flags.repo ?? written.repo ?? preset?.repo,
    workflow: flags.workflow ?? written.workflow ?? preset?.workflow,
    registry_project: registryProject,
    families: written.families === undefined ? preset?.preset.families : familiesOf(written.families),
    architectures: written.architectures === undefined ? preset?.preset.architectures : architecturesOf(written.architectures),
    'metadata.tag': written.metadata.tag ?? preset?.preset.metadata.tag,
    'metadata.platform': written.metadata.platform ?? preset?.preset.metadata.platform,
  }
  const missing = Object.entries(needed).filter(([, value]) => value === undefined || value.length === 0)
  if (missing.length > 0)
    throw incomplete(
      missing.map(([key]) => key),
      config.file,
    )
  const { families, architectures } = needed
  const settings: ImagesSettings = {
    repo: needed.repo!,
    workflow: needed.workflow!,
    branch: flags.branch ?? written.branch,
    limit: flags.limit ?? written.limit,
    githubApi: githubApi(written, variables),
    ...hosts(written, flags, preset),
    gitlabProject: project ?? registryProject!,
    tagsFrom: flags.tagsFrom ?? written.tags_from,
    registryProject: registryProject!,
    registryUsername: flags.registryUsername ?? written.registry_username,
    isPlain: flags.isPlain ?? written.insecure,
    moving: written.moving,
    interval: flags.interval ?? parseDuration(written.interval),
    downloadsDir: flags.downloadsDir ?? written.downloads_dir,
    preset: {
      families: families!,
      architectures: architectures!,
      metadata: metadataOf(written.metadata, preset?.preset.metadata, needed['metadata.tag']!, needed['metadata.platform']!),
      inputs: written.inputs === undefined ? (preset?.preset.inputs ?? []) : inputsOf(written.inputs),
    },
  }
  refuseContradictions(settings, config.file, isRepository)
  return settings
}

/** The preset's GitLab and registry are a pair: who names another of one does not mean the preset's other one, and has credentials of their own. */
function hosts(
  written: WrittenImages,
  flags: ImagesFlags,
  preset: typeof velox | undefined,
): Pick<ImagesSettings, 'gitlabHost' | 'registry'> {
  const gitlabHost = flags.gitlabHost ?? written.gitlab_host
  const registry = flags.registry ?? written.registry
  const isOwnHost = gitlabHost !== undefined && gitlabHost.replace(/^https:\/\//, '').replace(/\/+$/, '') !== preset?.gitlabHost
  const isOwnRegistry = registry !== undefined && registry !== preset?.registry
  return {
    gitlabHost: gitlabHost ?? (isOwnRegistry ? undefined : preset?.gitlabHost),
    registry: registry ?? (isOwnHost ? undefined : preset?.registry),
  }
}

function githubApi(written: WrittenImages, { GH_HOST: host }: ImagesVariables): string {
  const url = written.github_api ?? apiAt(host || 'github.com')
  return url.replace(/\/+$/, '')
}

/** Tenants of GitHub have their API beside them, servers of one's own below them. */
function apiAt(host: string): string {
  return host === 'github.com' || host.endsWith('.ghe.com') ? `https://api.${host}` : `https://${host}/api/v3`
}

function familiesOf(written: NonNullable<WrittenImages['families']>): readonly Family[] {
  return Object.entries(written).map(([name, family]) => ({ name, ...family }))
}

function architecturesOf(written: NonNullable<WrittenImages['architectures']>): readonly Architecture[] {
  return Object.entries(written).map(([folder, architecture]) => ({ folder, ...architecture }))
}

function inputsOf(written: NonNullable<WrittenImages['inputs']>): readonly WorkflowInput[] {
  return Object.entries(written).map(([name, input]) => ({ name, ...input }))
}

function metadataOf(written: WrittenImages['metadata'], preset: MetadataKeys | undefined, tag: string, platform: string): MetadataKeys {
  const mode = written.mode ?? preset?.mode
  const variant = written.variant ?? preset?.variant
  const required = new Set([...(written.required ?? (written.keys === undefined ? preset?.required : undefined) ?? []), tag, platform])
  const keys = new Set([...(written.keys ?? preset?.keys ?? []), ...required, mode, variant])
  return {
    keys: [...keys].filter((key) => key !== undefined),
    required: [...required],
    tag,
    platform,
    mode,
    variant,
    variantMode: written.variant_mode ?? preset?.variantMode,
  }
}

/** Two things under one name, and names that no registry takes. */
function refuseContradictions(
  { preset: { families, architectures } }: ImagesSettings,
  file: string | undefined,
  isRepository: (text: string) => boolean,
): void {
  const refuse = (says: string, hint: string) => {
    throw new Fault('invalid', says, { at: file, hint })
  }
  for (const [name, table] of [
    ...families.map(({ name }) => [name, 'families']),
    ...architectures.map(({ folder }) => [folder, 'architectures']),
  ]) {
    if (!isRepository(name!) || name!.includes('/'))
      refuse(
        `images.${table}.${name} cannot be a part of a repository’s name`,
        'lower-case letters and digits, and single . _ or dashes between them',
      )
  }
  const twice = (values: readonly string[]) => values.find((value, at) => values.indexOf(value) !== at)
  const suffix = twice(architectures.map((each) => each.suffix))
  if (suffix !== undefined) refuse(`two architectures of [images] have the suffix ${suffix}`, 'each run’s tag must tell its architecture')
  const platform = twice(architectures.map((each) => each.platform))
  if (platform !== undefined) refuse(`two architectures of [images] are for ${platform}`, 'name one folder for each platform')
  const tarball = twice(families.map((each) => each.tarball.replaceAll('{family}', each.name)))
  if (tarball !== undefined) refuse(`two families of [images] are in the tarball ${tarball}`, 'use {family} in tarball')
}

function incomplete(keys: readonly string[], file: string | undefined): Fault {
  const list = keys.map((key) => `images.${key}`).join(', ')
  return new Fault('invalid', `the configuration of images lacks ${list}`, {
    at: file,
    hint: 'set them in holdfast.toml; preset = "velox" has values for all of them',
  })
}
