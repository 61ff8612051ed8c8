import type { ComponentChildren } from 'preact'
import { useAnswer } from '../api/answer.ts'
import type { Answers } from '../api/answers.ts'
import { Bars } from '../parts/bars.tsx'
import { Size } from '../parts/facts.tsx'
import { Moves } from '../parts/moves.tsx'
import { Page, Section } from '../parts/page.tsx'
import { Empty, Shown } from '../parts/states.tsx'
import { countText, plural } from '../parts/words.ts'
import { hrefTo } from '../shell/place.ts'

export function Overview() {
  const overview = useAnswer('getOverview', '/overview')
  const jobs = useAnswer('listJobs', '/jobs')
  return (
    <Page title="Overview">
      <Shown of={overview}>
        {(data) => (
          <>
            <Sums data={data} jobs={jobs.data} />
            <div class="columns">
              <Section title="Needs attention">
                <Attention data={data} jobs={jobs.data} />
              </Section>
              <Section title="Storage" aside={<a href={hrefTo(['store'])}>The store</a>}>
                <Storage data={data} />
              </Section>
            </div>
            <Section title="Moved lately" aside={<a href={hrefTo(['moves'])}>All moves</a>}>
              {data.moves.length === 0 ? (
                <Empty command="holdfast release create PRODUCT">
                  No name has moved yet. A first release, publication or snapshot moves one.
                </Empty>
              ) : (
                <Moves moves={data.moves.slice(0, 12)} />
              )}
            </Section>
          </>
        )}
      </Shown>
    </Page>
  )
}

type Data = Answers['getOverview']
type Jobs = Answers['listJobs'] | undefined

function Sums({ data, jobs }: { readonly data: Data; readonly jobs: Jobs }) {
  const { releases, index, snapshots, environments } = data
  return (
    <div class="sums">
      <Sum title="Releases" href={hrefTo(['releases'])} value={countText(releases.releases)}>
        {plural(releases.variants, 'variant')} of {plural(releases.products, 'product')}
      </Sum>
      <Sum title="Index" href={hrefTo(['index'])} value={countText(index.files)}>
        files in {plural(index.indexes, 'index', 'indexes')}
      </Sum>
      <Sum title="Environments" href={hrefTo(['environments'])} value={countText(environments.environments)}>
        {plural(environments.snapshots, 'snapshot')} to give back
      </Sum>
      <Sum title="Snapshots" href={hrefTo(['store', 'snapshots'])} value={countText(snapshots.snapshots)}>
        of directory trees
      </Sum>
      <Sum title="Jobs" href={hrefTo(['jobs'])} value={jobs === undefined ? '–' : countText(jobs.jobs.length)}>
        {jobs === undefined
          ? 'on a schedule'
          : `${countText(jobs.counts['running'] ?? 0)} running, ${countText(jobs.counts['waiting'] ?? 0)} waiting`}
      </Sum>
    </div>
  )
}

interface SumProps {
  readonly title: string
  readonly href: string
  readonly value: string
  readonly children: ComponentChildren
}

function Sum({ title, href, value, children }: SumProps) {
  return (
    <a class="sum" href={href}>
      <span class="sum-title">{title}</span>
      <span class="sum-value">{value}</span>
      <span class="sum-text">{children}</span>
    </a>
  )
}

/** What failed or is stale, each with what it is about. */
function Attention({ data, jobs }: { readonly data: Data; readonly jobs: Jobs }) {
  const all = [...jobTroubles(jobs), ...data.attention.map((each) => ({ ...each, href: hrefOf(each), isBad: false }))]
  if (all.length === 0) return <p class="fine">Nothing: all is as it should be.</p>
  return (
    <ul class="attention">
      {all.map(({ name, what, href, isBad }) => (
        <li key={`${name} ${what}`} class={isBad ? 'bad' : undefined}>
          <a href={href} data-row="">
            {name}
          </a>{' '}
          {what}
        </li>
      ))}
    </ul>
  )
}

/** Milliseconds after which what is due should have begun. */
const patience = 5 * 60_000

function jobTroubles(jobs: Jobs) {
  if (jobs === undefined) return []
  const { jobs: all, counts, workers } = jobs
  const failing = all.filter(({ failures }) => failures > 0)
  const dead = counts['dead'] ?? 0
  const late = workers.length > 0 ? [] : all.filter(({ next }) => next !== undefined && Date.parse(next) < Date.now() - patience)
  return [
    ...failing.map(({ name, failures }) => ({
      name,
      what: failures === 1 ? 'failed the last time' : `failed ${countText(failures)} times in a row`,
      href: hrefTo(['jobs'], { job: name }),
      isBad: true,
    })),
    ...(dead === 0
      ? []
      : [{ name: plural(dead, 'execution'), what: 'given up after five tries', href: hrefTo(['jobs'], { state: 'dead' }), isBad: true }]),
    ...late.map(({ name }) => ({
      name,
      what: 'is due, and nobody works: holdfast daemon',
      href: hrefTo(['jobs'], { job: name }),
      isBad: false,
    })),
  ]
}

function hrefOf({ capability, name, environment }: Data['attention'][number]): string {
  switch (capability) {
    case 'releases': {
      const [product = name, variant] = name.split('/')
      return hrefTo(['releases', product], { variant })
    }
    case 'index':
      return environment === undefined ? hrefTo(['index']) : hrefTo(['index', environment, 'packages'], { prefix: name, refused: 'true' })
    case 'environments':
      return hrefTo(['environments', name])
  }
}

function Storage({ data: { releases, index, snapshots, environments } }: { readonly data: Data }) {
  const rows = [
    { name: 'Releases', href: hrefTo(['releases']), value: releases.bytes },
    { name: 'Index', href: hrefTo(['index']), value: index.bytes },
    { name: 'Snapshots', href: hrefTo(['store', 'snapshots']), value: snapshots.bytes },
    { name: 'Environments', href: hrefTo(['environments']), value: environments.bytes },
  ]
  return (
    <>
      <Bars bars={rows.map((row) => ({ ...row, text: <Size bytes={row.value} /> }))} />
      <p class="faint note">
        What names reach, and what environments keep beside them. What it takes after deduplication is on the page of the store.
      </p>
    </>
  )
}
