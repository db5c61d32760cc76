/*
 * What a kernel makes of a mask inside the scopes marked on the current task.
 *
 * In: lines of "marks mask", two hexadecimal numbers. Out: first a line with the
 * names of the marks and one with the names of the mask's bits, lowest bit first;
 * then for every line of input the mask that is left.
 *
 * Build with -DNOCMA_CLEARS for 5.1 to 5.8, -DPIN for 5.13 and later, and with
 * -DNOWAIT -DPIN for 6.9 to 6.11. The order of the tests is that of
 * current_gfp_context() in include/linux/sched/mm.h of those versions.
 */
#include <stdio.h>

#define MARKS(X) X(PF_MEMALLOC) X(PF_MEMALLOC_NOIO) X(PF_MEMALLOC_NOFS) X(PF_MEMALLOC_NOCMA) \
	X(PF_MEMALLOC_PIN) X(PF_MEMALLOC_NORECLAIM) X(PF_MEMALLOC_NOWARN)
#define BITS(X) X(__GFP_DMA) X(__GFP_HIGHMEM) X(__GFP_DMA32) X(__GFP_MOVABLE) X(__GFP_RECLAIMABLE) \
	X(__GFP_HIGH) X(__GFP_IO) X(__GFP_FS) X(__GFP_ZERO) X(__GFP_ATOMIC) X(__GFP_DIRECT_RECLAIM) \
	X(__GFP_KSWAPD_RECLAIM) X(__GFP_WRITE) X(__GFP_NOWARN) X(__GFP_RETRY_MAYFAIL) X(__GFP_NOFAIL) \
	X(__GFP_NORETRY) X(__GFP_MEMALLOC) X(__GFP_COMP) X(__GFP_NOMEMALLOC) X(__GFP_HARDWALL) \
	X(__GFP_THISNODE) X(__GFP_ACCOUNT) X(__GFP_ZEROTAGS) X(__GFP_SKIP_ZERO) X(__GFP_SKIP_KASAN) \
	X(__GFP_SKIP_KASAN_POISON) X(__GFP_SKIP_KASAN_UNPOISON) X(__GFP_NOLOCKDEP) X(__GFP_NO_OBJ_EXT)

#define INDEX(name) name##_INDEX,
enum { MARKS(INDEX) MARK_COUNT };
enum { BITS(INDEX) BIT_COUNT };

#define NAME(name) #name,
static const char *const mark_names[] = { MARKS(NAME) };
static const char *const bit_names[] = { BITS(NAME) };

#define M(name) (1ul << name##_INDEX)

static unsigned long narrow(unsigned long marks, unsigned long mask)
{
	int narrowed = 0;

#ifdef NOWAIT
	if (marks & M(PF_MEMALLOC_NORECLAIM)) {
		mask &= ~M(__GFP_DIRECT_RECLAIM);
		narrowed = 1;
	}
#endif
	if (!narrowed && (marks & M(PF_MEMALLOC_NOIO))) {
		mask &= ~(M(__GFP_IO) | M(__GFP_FS));
		narrowed = 1;
	}
	if (!narrowed && (marks & M(PF_MEMALLOC_NOFS)))
		mask &= ~M(__GFP_FS);
#ifdef NOWAIT
	if (marks & M(PF_MEMALLOC_NOWARN))
		mask |= M(__GFP_NOWARN);
#endif
#ifdef PIN
	if (marks & M(PF_MEMALLOC_PIN))
		mask &= ~M(__GFP_MOVABLE);
#endif
#ifdef NOCMA_CLEARS
	if (marks & M(PF_MEMALLOC_NOCMA))
		mask &= ~M(__GFP_MOVABLE);
#endif
	return mask;
}

static void print_names(const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
		printf(i ? " %s" : "%s", names[i]);
	putchar('\n');
}

int main(void)
{
	unsigned long marks, mask;

	print_names(mark_names, MARK_COUNT);
	print_names(bit_names, BIT_COUNT);
	while (scanf("%lx %lx", &marks, &mask) == 2)
		printf("%lx\n", narrow(marks, mask));
	return 0;
}
