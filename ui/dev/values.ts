/** What fixtures are made of: times, a commit, and a text that tries to be more than text. */
export const HOSTILE = `<img src=x onerror="alert(1)"><script>alert(2)</script>`;
export const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
export const SHA = "5394cb7f48332b2de7c17dd8b8384bbc84b7e738";
export const pick = <Item>(items: readonly Item[], at: number): Item => items[at % items.length] as Item;
