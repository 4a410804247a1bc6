// Builds a small file, and one of several chunks.
import { mkdirSync, writeFileSync } from 'node:fs'

mkdirSync('dist', { recursive: true })
writeFileSync('dist/greeting.txt', 'Hello from the cache!\n')
writeFileSync('dist/numbers.txt', Array.from({ length: 300_000 }, (_, n) => n * n).join('\n'))
console.log('greeting built')
