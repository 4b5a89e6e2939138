// Keeps a page that is still growing fresh: fetches it again and swaps its <main>.
const SECONDS = 2;

async function refresh() {
  const main = document.querySelector("main[data-live]");
  if (!main) {
    return;
  }
  if (document.visibilityState === "visible") {
    try {
      const response = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (response.ok) {
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        const fresh = page.querySelector("main");
        if (fresh) {
          main.replaceWith(document.adoptNode(fresh));
        }
      }
    } catch {
      // the service is away for a moment; the next round tries again
    }
  }
  setTimeout(refresh, SECONDS * 1000);
}

setTimeout(refresh, SECONDS * 1000);
