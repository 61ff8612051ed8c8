import { type Command, Option } from 'commander'
import { isDigestTag, listImages } from '../../images/index.ts'
import { formatBytes } from '../../kit/index.ts'
import type { Call, Cli } from '../command.ts'
import type { Outcome } from '../output.ts'
import { type Column, renderTable } from '../table.ts'
import { printable } from '../width.ts'
import { ageText, countText } from '../words.ts'
import { imagesContext } from './choose.ts'
import { type GitlabFlags, gitlabOptions } from './options.ts'

interface ListFlags extends GitlabFlags {
  readonly names?: boolean
}

export function addGitlabListCommand(images: Command, cli: Cli): void {
  cli.add<ListFlags>(images, {
    name: 'gitlab-list',
    summary: 'List the repositories and tags of the GitLab project, with sizes and ages',
    more: 'A size counts every layer of the image; layers that images share are in the registry once.',
    options: [
      new Option('--names', 'only names: one request for a hundred repositories, where sizes and ages take one for each tag'),
      ...gitlabOptions(),
    ],
    examples: [
      ['holdfast images gitlab-list', 'what is there'],
      ['holdfast images gitlab-list --names --json', 'all tags, for a script'],
    ],
    run: list,
  })
}

interface Row {
  readonly repository: string
  readonly name: string
  readonly size?: number | undefined
  readonly createdAt?: number | undefined
  readonly digest?: string | undefined
}

async function list(call: Call<ListFlags>): Promise<Outcome> {
  const { settings, gitlab: open } = await imagesContext(call)
  const gitlab = await open()
  const { names } = call.options
  const repositories = await listImages(gitlab, { within: settings.registryProject, withDetails: names !== true, signal: call.signal })
  const rows = repositories.flatMap(({ repository, tags }) => tags.map((tag): Row => ({ repository, ...tag })))
  const cut = repositories.filter(({ isWhole }) => !isWhole)
  const result = {
    host: gitlab.host,
    project: gitlab.project,
    repositories: repositories.map(({ tags, ...each }) => ({
      ...each,
      tags: tags.map(({ createdAt, ...tag }) => ({
        ...tag,
        created: createdAt === undefined ? undefined : new Date(createdAt).toISOString(),
      })),
    })),
    requests: gitlab.requests(),
  }
  const sum = `${countText(rows.length, 'tag')} in ${countText(repositories.length, 'repository', 'repositories')} of ${gitlab.project} at ${gitlab.host}; ${countText(gitlab.requests(), 'request')}`
  const table = rows.length === 0 ? [] : [tableOf(call, rows, names !== true)]
  const lines = [
    ...repositories.filter(({ tags }) => tags.length === 0).map(({ repository }) => `${repository}: no tags`),
    ...repositories.filter(({ status }) => status !== undefined).map(({ repository, status }) => `${repository}: ${status}`),
    ...cut.map(
      ({ repository, tags }) =>
        `${repository}: GitLab lists ${countText(tags.length, 'tag')} of more: \`holdfast images tags\` lists them all`,
    ),
    sum,
  ]
  return { result, text: [...table, ...lines.map(printable)].join('\n') }
}

function tableOf({ width, paint, host }: Call<object>, rows: readonly Row[], withDetails: boolean): string {
  const now = host.clock.now()
  const details: Column<Row>[] = [
    { header: 'SIZE', cell: ({ size }) => (size === undefined ? '?' : formatBytes(size)), align: 'right', priority: 2 },
    { header: 'AGE', cell: ({ createdAt }) => (createdAt === undefined ? '?' : ageText(now - createdAt)), align: 'right', priority: 3 },
    { header: 'DIGEST', cell: ({ digest }) => digest?.slice(0, 19) ?? '?', priority: 1 },
  ]
  const columns: Column<Row>[] = [
    { header: 'REPOSITORY', cell: ({ repository }) => repository },
    { header: 'TAG', cell: ({ name }) => (width === undefined ? name : shortTag(name)), paint: paint.cyan },
    ...(withDetails ? details : []),
  ]
  return renderTable(columns, rows, { width, paintHeader: paint.bold })
}

/** Those of signatures and referrers are longer than all others: in full they would leave no room in a terminal. */
function shortTag(name: string): string {
  return isDigestTag(name) ? name.replace(/^(sha256-[0-9a-f]{12})[0-9a-f]+/, '$1…') : name
}
