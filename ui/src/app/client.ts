/** What the pages have read, for as long as the window is open. */
import { makeQueryClient } from "./cache";

export const client = makeQueryClient();
