import * as v from 'valibot'
import { choice, count, duration, flag, listOf, localPath, matching, named, table, text, webUrl } from './fields.ts'

/** Tags that may move, where nobody says which; also where nothing is configured. */
export const usualMoving = ['latest']

const host = (meaning: string, example: string) =>
  matching(/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?$/, `a host, or host:port, such as ${example}`, meaning)

/** OCI distribution-spec 1.1, "Pulling manifests": what a repository's name is made of. */
const part = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const repository = new RegExp(`^${part}(?:/${part})*$`)

const family = table(
  {
    flag: v.optional(text('The key of the metadata block whose value, true or false, says whether the run made it.')),
    modes: v.optional(listOf(text('A mode.'), 'The build modes that make it, where the block has no such key.')),
    variants: v.optional(listOf(text('A variant.'), 'The variants that make it, in the mode that builds the chosen variant alone.')),
    tarball: v.optional(
      matching(
        /^[^/\\\s]+$/,
        'a file name',
        'Its file in the run’s artifact; `{family}` and `{tag}` stand for its name and the run’s tag.',
      ),
      '{family}-{tag}.tar.gz',
    ),
  },
  'An image that the workflow makes for each platform. Without flag, modes and variants every run makes it.',
)

const architecture = table(
  {
    platform: matching(/^[a-z0-9]+(\/[a-z0-9.]+){1,2}$/, 'a platform such as "linux/amd64"', 'The platform, as the metadata block has it.'),
    suffix: matching(/^\w[\w.-]{0,60}$/, 'the end of a tag, such as "linux-amd64"', 'What a run’s tag ends with, after a dash.'),
  },
  'An architecture; its name is the folder that repositories of the registry begin with.',
)

const metadata = table(
  {
    keys: v.optional(listOf(text('A key.'), 'All keys of the metadata block, in its order.')),
    required: v.optional(listOf(text('A key.'), 'A block without one of these is not complete.')),
    tag: v.optional(text('The key of the run’s tag.')),
    platform: v.optional(text('The key of the platform.')),
    mode: v.optional(text('The key of the build mode.')),
    variant: v.optional(text('The key of the variant.')),
    variant_mode: v.optional(text('The build mode that builds the chosen variant alone.')),
  },
  'The keys of the block that a run’s log prints, as they are printed.',
)

const input = table(
  {
    description: v.optional(text('What it is, for the help of `images build`.'), 'an input of the workflow'),
    kind: v.optional(
      choice(['text', 'commit', 'choice', 'flag'], 'What it takes: any text, a branch or whole SHA, one of `options`, or true and false.'),
      'text',
    ),
    options: v.optional(listOf(text('An option.'), 'Of a choice.'), []),
    spellings: v.optional(named(text('An option.'), 'SPELLING', 'Other spellings of an option, and the option that they mean.'), {}),
    default: v.optional(text('What the workflow takes where it is not given.')),
  },
  'A value that the workflow is started with.',
)

export const imagesSchema = table(
  {
    preset: v.optional(
      choice(['velox', 'none'], 'Values for all other keys of this table that are not given; "none" has no values.'),
      'velox',
    ),
    repo: v.optional(
      matching(/^[\w.-]+\/[\w.-]+$/, 'a repository such as owner/name', 'The GitHub repository whose workflow builds the images.'),
    ),
    workflow: v.optional(text('The workflow’s file, such as ".github/workflows/build.yml".')),
    branch: v.optional(text('Only runs of this branch.')),
    limit: v.optional(count('How many runs are looked at.', 1), 20),
    github_api: v.optional(webUrl('The root of GitHub’s API, where it is not https://api.github.com or that of GH_HOST.')),
    gitlab_host: v.optional(
      matching(
        /^(https?:\/\/)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?(\/[\w.-]+)*\/?$/,
        'a host such as gitlab.example.com, or a URL',
        'The GitLab server.',
      ),
    ),
    gitlab_project: v.optional(
      matching(
        /^(\d+|[\w.-]+(\/[\w.-]+)+)$/,
        'a project such as group/name, or its number',
        'The project whose registry takes the images.',
      ),
    ),
    tags_from: v.optional(
      choice(
        ['gitlab', 'registry'],
        'Who is asked which tags there are: GitLab, for all repositories at once, or the registry, for each; it needs no GitLab.',
      ),
      'gitlab',
    ),
    registry: v.optional(host('The registry’s host and port.', 'gitlab.example.com:5050')),
    registry_project: v.optional(
      matching(
        repository,
        'a path of lower-case letters, digits, and single . _ __ or dashes between them',
        'The path that the images’ repositories begin with. Without it, `gitlab_project`.',
      ),
    ),
    registry_username: v.optional(text('The user name for the registry.')),
    insecure: v.optional(flag('The registry is spoken to without TLS.'), false),
    moving: v.optional(
      listOf(matching(/^\w[\w.-]{0,127}$/, 'a tag', 'A tag.'), 'Tags that may move to another image, and are never a run’s.'),
      usualMoving,
    ),
    interval: v.optional(duration('How long the daemon waits between two cycles.'), '15m'),
    downloads_dir: v.optional(localPath('Where downloads lie until they are pushed.'), 'downloads'),
    families: v.optional(named(family, 'FAMILY', 'The images that the workflow makes, in place of the preset’s.')),
    architectures: v.optional(named(architecture, 'FOLDER', 'The platforms that it makes them for, in place of the preset’s.')),
    metadata: v.optional(metadata, {}),
    inputs: v.optional(named(input, 'INPUT', 'What the workflow is started with, in place of the preset’s.')),
  },
  'Images from GitHub Actions to a GitLab registry.',
)

export type WrittenImages = v.InferOutput<typeof imagesSchema>
