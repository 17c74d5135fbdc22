// For the tests, which are TypeScript.
export function npmTool(name: string, command?: string): string
export function pythonTools(name: string): string
