// The build: a small file, and one that takes several chunks in memcached.
import { mkdirSync, writeFileSync } from 'node:fs'

mkdirSync('dist', { recursive: true })
writeFileSync('dist/greeting.txt', 'Hello from the cache!\n')
writeFileSync('dist/numbers.txt', Array.from({ length: 300_000 }, (_, n) => n * n).join('\n'))
console.log('greeting built')
