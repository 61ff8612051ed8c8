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
  const { releases, index, snapshots } = data
  return (
    <div class="sums">
      <Sum title="Releases" href={hrefTo(['releases'])} value={countText(releases.variants)}>
        {plural(releases.products, 'product')}, by variant
      </Sum>
      <Sum title="Index" href={hrefTo(['index'])} value={countText(index.files)}>
        files in {plural(index.indexes, 'index', 'indexes')}
      </Sum>
      <Sum title="Environments" href={hrefTo(['environments'])} value={countText(data.environments)}>
        given back clean
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

function Attention({ data, jobs }: { readonly data: Data; readonly jobs: Jobs }) {
  const failing = (jobs?.jobs ?? []).filter(({ failures }) => failures > 0)
  if (data.attention.length === 0 && failing.length === 0) return <p class="fine">Nothing. All is as it should be.</p>
  return (
    <ul class="attention">
      {failing.map(({ name, failures }) => (
        <li key={name}>
          <a href={hrefTo(['jobs'], { job: name })}>{name}</a> failed {failures === 1 ? 'the last time' : `${failures} times in a row`}
        </li>
      ))}
      {data.attention.map(({ capability, name, what }) => (
        <li key={`${capability} ${name} ${what}`}>
          <a href={hrefTo([capability])}>{name}</a> {what}
        </li>
      ))}
    </ul>
  )
}

function Storage({ data: { releases, index, snapshots } }: { readonly data: Data }) {
  const rows = [
    { name: 'Releases', href: hrefTo(['releases']), value: releases.bytes },
    { name: 'Index', href: hrefTo(['index']), value: index.bytes },
    { name: 'Snapshots', href: hrefTo(['store', 'snapshots']), value: snapshots.bytes },
  ]
  return (
    <>
      <Bars bars={rows.map((row) => ({ ...row, text: <Size bytes={row.value} /> }))} />
      <p class="faint note">As counted by what names reach. What it takes in the store, after deduplication, is on its page.</p>
    </>
  )
}
