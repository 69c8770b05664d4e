// The browser's own database, as the page keeps its projects in it.

/** How many entries one of its object stores has. */
export function kept(app, name) {
  return app.page.evaluate(async (name) => {
    const request = indexedDB.open("headstart");
    const database = await new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    const count = database.transaction(name).objectStore(name).count();
    const found = await new Promise((resolve) => (count.onsuccess = () => resolve(count.result)));
    database.close();
    return found;
  }, name);
}

/** Replaces the first value of an object store. */
export function replaceFirst(app, name, value) {
  return app.page.evaluate(
    async ({ name, value }) => {
      const request = indexedDB.open("headstart");
      const database = await new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
      const store = database.transaction(name, "readwrite").objectStore(name);
      const keys = await new Promise((resolve) => (store.getAllKeys().onsuccess = ({ target }) => resolve(target.result)));
      await new Promise((resolve) => (store.put(value, keys[0]).onsuccess = resolve));
      database.close();
    },
    { name, value },
  );
}
