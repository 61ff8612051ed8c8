/** One path each, drawn in a square of 16. */
const paths: Readonly<Record<string, string>> = {
  overview: 'M2.5 2.5h4.5v4.5h-4.5zM9 2.5h4.5v4.5h-4.5zM2.5 9h4.5v4.5h-4.5zM9 9h4.5v4.5h-4.5z',
  releases: 'M2.5 2.5h5l6 6-5 5-6-6zM5.3 5.3h.01',
  index: 'M2.5 4h11M2.5 8h11M2.5 12h7',
  images: 'M8 2.2l6 3-6 3-6-3zM2.4 8.2L8 11l5.6-2.8M2.4 11L8 13.8l5.6-2.8',
  environments: 'M13.2 6.5A5.5 5.5 0 1 0 13.5 9M13.5 2.8v3.8h-3.8',
  runs: 'M1.8 8.5h3l2-5 2.6 9 2-4h2.8',
  jobs: 'M8 2.2a5.8 5.8 0 1 0 .01 0M8 4.8V8l2.2 1.6',
  store: 'M2.8 4c0-2.2 10.4-2.2 10.4 0v8c0 2.2-10.4 2.2-10.4 0zM2.8 4c0 2.2 10.4 2.2 10.4 0M2.8 8c0 2.2 10.4 2.2 10.4 0',
  theme: 'M8 2.2a5.8 5.8 0 1 0 .01 0M8 2.2v11.6M8 5l3.6-1.4M8 8h5.8M8 11l3.6 1.4',
  audit: 'M8 2l5 1.8v4c0 3-2.2 5-5 6.2-2.8-1.2-5-3.2-5-6.2v-4zM5.8 8l1.7 1.7 3-3.2',
}

export function Icon({ name }: { readonly name: string }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={paths[name === '' ? 'overview' : name] ?? ''} />
    </svg>
  )
}
