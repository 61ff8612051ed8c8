import * as v from 'valibot'
import { Fault, silent } from '../../kit/index.ts'
import { listRuns, type RunAtSource } from '../../runs/sync/index.ts'
import type { Served } from '../served.ts'
import { pageOf as pageAfter } from './page.ts'
import { route } from './route.ts'
import { bytes, count, pageOf, paging, text, time } from './shapes.ts'

const run = v.object({
  project: v.string(),
  name: v.string(),
  runId: v.string(),
  status: v.optional(v.string()),
  created: v.optional(time),
  updated: v.optional(time),
  files: count,
  bytes,
})

const listed = {
  folder: v.string(),
  way: v.pipe(v.picklist(['pages', 'manifest', 'walk']), v.description('How it was found out what there is.')),
  generated: v.optional(v.pipe(time, v.description('When the list was made.'))),
}

const project = v.object({
  project: v.string(),
  runs: count,
  bytes,
  updated: v.optional(time),
  statuses: v.pipe(v.record(v.string(), count), v.description('How many runs are so.')),
})

const tag = 'runs'

export const runRoutes = [
  route({
    id: 'listProjects',
    path: '/runs',
    tag,
    summary: 'Projects of experiment runs: how many, how they stand, how fresh',
    response: v.object({ ...listed, projects: v.array(project) }),
    freshFor: 5_000,
    run: async (served) => {
      const { runs, ...facts } = await allRuns(served)
      const groups = Map.groupBy(runs, (each) => each.project)
      return { ...facts, projects: Array.from(groups, ([name, members]) => sumOf(name, members)) }
    },
  }),
  route({
    id: 'listRuns',
    path: '/runs/list',
    tag,
    summary: 'Experiment runs, newest first',
    query: { project: v.optional(text), status: v.optional(text), ...paging },
    response: v.object({ ...listed, ...pageOf(run) }),
    freshFor: 5_000,
    run: async (served, { query }) => {
      const { runs, ...facts } = await allRuns(served, query)
      return { ...facts, ...pageAfter(runs.map(plainRun), (each) => `${each.project}\0${each.name}\0${each.runId}`, query) }
    },
  }),
]

async function allRuns({ runs, clock }: Served, selection: { project?: string | undefined; status?: string | undefined } = {}) {
  if (runs === undefined)
    throw new Fault('not-found', 'no folder of runs is configured', { hint: 'add [runs] with `root` to holdfast.toml' })
  const { project: ofProject, status } = selection
  const source = await runs.open()
  // By which way they were found is in the answer.
  const found = await listRuns({ source, folder: runs.folder, selection: { project: ofProject, status }, clock, report: silent })
  return { folder: runs.folder, way: found.way, generated: timeText(found.generated), runs: found.runs }
}

function sumOf(name: string, members: readonly RunAtSource[]): v.InferOutput<typeof project> {
  const statuses: Record<string, number> = {}
  for (const { status = 'unknown' } of members) statuses[status] = (statuses[status] ?? 0) + 1
  const updated = members.reduce((latest, each) => Math.max(latest, each.updated ?? 0), 0)
  return {
    project: name,
    runs: members.length,
    bytes: members.reduce((sum, each) => sum + each.bytes, 0),
    updated: updated === 0 ? undefined : timeText(updated),
    statuses,
  }
}

function plainRun({ project: of, name, runId, status, created, updated, files, bytes: size }: RunAtSource): v.InferOutput<typeof run> {
  return { project: of, name, runId, status, created: timeText(created), updated: timeText(updated), files, bytes: size }
}

function timeText(time: number | undefined): string | undefined {
  return time === undefined || !(Math.abs(time) <= 8e15) ? undefined : new Date(time).toISOString()
}
