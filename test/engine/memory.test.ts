import { memory } from '../../src/engine/memory.ts'
import { contract } from './contract.ts'

contract('memory', async () => ({ engine: memory() }))
