import type { ComponentChildren } from 'preact'
import { useAnswer, usePages } from '../api/answer.ts'
import type { Answers } from '../api/answers.ts'
import { Ago, Badge, type Tone, Facts, Size } from '../parts/facts.tsx'
import { Page, Section } from '../parts/page.tsx'
import { Empty, Failed, Waiting } from '../parts/states.tsx'
import { type Column, PagedTable, Table } from '../parts/table.tsx'
import { countText } from '../parts/words.ts'
import { hrefTo, place, setQuery } from '../shell/place.ts'
import { Executed, RunNow } from './jobs/of-command.tsx'

type Data = Answers['listProjects']
type Project = Data['projects'][number]
type Run = Answers['listRuns']['items'][number]

export function Runs() {
  const { data, trouble, again } = useAnswer('listProjects', '/runs')
  const { project, status } = Object.fromEntries(place.value.query)
  return (
    <Page
      title="Runs"
      actions={
        <>
          <RunNow command="runs sync" label="Sync now" />
          <RunNow command="runs generate-manifest" label="List anew" />
        </>
      }
    >
      {trouble?.status === 404 ? (
        <Empty command={'[runs]\nroot = "/data/experiments"'}>No folder of experiment runs is configured. Add one to holdfast.toml.</Empty>
      ) : trouble !== undefined ? (
        <Failed trouble={trouble} again={again} />
      ) : data === undefined ? (
        <Waiting />
      ) : (
        <>
          <Freshness data={data} />
          <Section title="Projects">
            {data.projects.length === 0 ? (
              <Empty command="holdfast runs generate-manifest">There is no run in {data.folder} yet.</Empty>
            ) : (
              <Table
                label="Projects"
                columns={columns}
                rows={data.projects}
                keyOf={(row) => row.project}
                isMarked={(row) => row.project === project}
              />
            )}
          </Section>
          <List project={project} status={status} />
          <Executed command="runs sync" title="Syncs" example="runs sync sftp://USER@HOST/data/experiments --to runs" />
        </>
      )}
    </Page>
  )
}

const ways = { pages: 'read from its pages', manifest: 'read from its manifest', walk: 'the folder was walked' } as const

function Freshness({ data: { folder, way, generated } }: { readonly data: Data }) {
  return (
    <Facts
      of={[
        ['Folder', <code>{folder}</code>],
        [
          'Listed',
          way === 'walk' ? <span title="holdfast runs generate-manifest makes a manifest, which is faster">{ways[way]}</span> : ways[way],
        ],
        ['As of', generated === undefined ? 'now' : <Ago at={generated} />],
      ]}
    />
  )
}

const columns: Column<Project>[] = [
  {
    title: 'Project',
    isWide: true,
    cell: ({ project }) => (
      <a href={hrefTo(['runs'], { project })} data-row="">
        <strong>{project}</strong>
      </a>
    ),
  },
  { title: 'Runs', isNumber: true, cell: ({ project, runs }) => <a href={hrefTo(['runs'], { project })}>{countText(runs)}</a> },
  {
    title: 'Statuses',
    isWide: true,
    cell: ({ project, statuses }) =>
      Object.entries(statuses).map(([status, count]) => (
        <a key={status} href={hrefTo(['runs'], { project, status: status === 'unknown' ? undefined : status })}>
          <Status of={status}> {countText(count)}</Status>
        </a>
      )),
  },
  { title: 'Size', isNumber: true, cell: ({ bytes }) => <Size bytes={bytes} /> },
  { title: 'Fresh', cell: ({ updated }) => <Ago at={updated} /> },
]

const tones: Readonly<Record<string, Tone>> = {
  running: 'busy',
  finished: 'good',
  completed: 'good',
  failed: 'bad',
  crashed: 'bad',
  interrupted: 'warn',
}

function Status({ of, children }: { readonly of: string; readonly children?: ComponentChildren }) {
  return (
    <Badge tone={tones[of] ?? 'plain'}>
      {of}
      {children}
    </Badge>
  )
}

function List({ project, status }: { readonly project: string | undefined; readonly status: string | undefined }) {
  const pages = usePages('listRuns', '/runs/list', { project, status })
  const chosen = [project, status].filter((each) => each !== undefined)
  const rows: Column<Run>[] = [
    ...(project === undefined ? [{ title: 'Project', cell: (run: Run) => run.project }] : []),
    { title: 'Run', isWide: true, cell: ({ name, runId }) => <span title={name}>{runId}</span> },
    { title: 'Status', cell: ({ status: of }) => (of === undefined ? <span class="faint">–</span> : <Status of={of} />) },
    { title: 'Files', isNumber: true, cell: ({ files }) => countText(files) },
    { title: 'Size', isNumber: true, cell: ({ bytes }) => <Size bytes={bytes} /> },
    { title: 'Begun', cell: ({ created }) => <Ago at={created} /> },
    { title: 'Changed', cell: ({ updated }) => <Ago at={updated} /> },
  ]
  return (
    <Section
      title="Runs"
      aside={
        chosen.length > 0 && (
          <button type="button" class="quiet" onClick={() => setQuery({ project: undefined, status: undefined })}>
            {chosen.join(', ')} ✕
          </button>
        )
      }
    >
      <PagedTable
        label="Runs"
        pages={pages}
        columns={rows}
        keyOf={({ project: of, name, runId }) => `${of}/${name}/${runId}`}
        empty={<Empty>No run is so.</Empty>}
      />
    </Section>
  )
}
