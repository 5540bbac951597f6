/** Clients of one server spell its name in few ways. URLs beyond this number are matched at each request. */
const urlsMax = 64;

/**
 * A cache of the work of fast-path requests, by the text of the URL.
 * Compares with the last URL first: most servers are called by one URL, and hashing it takes longer.
 */
export function createRouteCache<Work>() {
  const known = new Map<string, Work>();
  let lastUrl = "";
  let lastWork: Work | undefined;
  const remember = (url: string, work: Work) => {
    lastUrl = url;
    return lastWork = work;
  };
  return {
    /** Returns what was added for an equal URL. */
    get(url: string): Work | undefined {
      if (url === lastUrl) return lastWork;
      const work = known.get(url);
      return work && remember(url, work);
    },
    add(url: string, work: Work): Work {
      if (known.size < urlsMax) known.set(url, work);
      return remember(url, work);
    },
  };
}
